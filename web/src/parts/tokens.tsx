import type { ReactNode } from 'react';

export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs: readonly { readonly token: string; readonly logprob: number }[];
}

/** An answer token by token: the less probable, the darker. What else could have come is in the title. */
export function Tokens({ tokens }: { readonly tokens: readonly TokenLogprob[] }): ReactNode {
  if (tokens.length === 0) return <p className="quiet">This model gives no probabilities of its tokens.</p>;
  const total = tokens.reduce((sum, { logprob }) => sum + logprob, 0);
  return (
    <>
      <p className="quiet mb-2 text-sm">
        {tokens.length} tokens, {(total / tokens.length).toFixed(2)} nats a token. The darker, the less the model
        expected it.
      </p>
      <p className="whitespace-pre-wrap font-mono text-sm leading-7">
        {tokens.map(({ token, logprob, top_logprobs: others }, index) => (
          <span
            key={index}
            className={`rounded ${SHADES[Math.min(SHADES.length - 1, Math.floor(-logprob))]!}`}
            title={[
              `${JSON.stringify(token)} ${percent(logprob)}`,
              ...others.map((other) => `${JSON.stringify(other.token)} ${percent(other.logprob)}`),
            ].join('\n')}
          >
            {token}
          </span>
        ))}
      </p>
    </>
  );
}

const SHADES = ['', 'bg-accent/15', 'bg-accent/25', 'bg-accent/35', 'bg-accent/45'];

function percent(logprob: number): string {
  return `${(100 * Math.exp(logprob)).toFixed(1)} %`;
}
