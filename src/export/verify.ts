import { runFailed } from '../core/index.ts';
import type { TokenizerFiles } from '../formats/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import type { PolicySource } from '../policy/index.ts';
import { deviationOf, sampleLogps, type Deviation } from '../score/index.ts';
import { tokenizerDifferences, type SampleSet } from './samples.ts';

/** The trained model as every export must give it back: its log-probabilities of the samples, its tokenizer and template. */
export interface Trained {
  readonly logps: Float32Array;
  readonly tokenizer: Tokenizer;
  readonly files: TokenizerFiles;
  readonly samples: SampleSet;
  readonly threads: number | undefined;
  readonly availableBytes?: (() => number) | undefined;
}

/**
 * The most that the mean of |difference| of the samples' log-probabilities may be, in nats per token, by format: some twice what SmolLM2-135M
 * loses, of which every format takes more than of larger models (docs/export.md has the figures). An error of conversion (rows in another order, another
 * rope) is far above all of them; that an adapter was merged shows in the plain types, which take the same weights.
 */
export const TOLERANCES = {
  F32: 0.001,
  F16: 0.005,
  BF16: 0.05,
  Q8_0: 0.12,
  Q8: 0.12,
  Q4_K_M: 0.8,
  Q4_0: 1.2,
} as const;
export type ToleratedFormat = keyof typeof TOLERANCES;

/** How an export compares with the trained model. */
export interface Verification extends Deviation {
  readonly format: ToleratedFormat;
  readonly tolerance: number;
}

/** The verdict on log-probabilities of the samples. Throws run-failed beyond the tolerance. */
export function judge(
  logps: Float32Array,
  { trained, format, what }: { trained: Trained; format: ToleratedFormat; what: string },
): Verification {
  const deviation = deviationOf(logps, trained.logps);
  const tolerance = TOLERANCES[format];
  if (!(deviation.mean <= tolerance)) {
    throw runFailed({
      file: what,
      message:
        `export: log-probabilities of ${format} must stay within ${tolerance} nats a token of the trained model, got ${deviation.mean.toPrecision(3)} on average ` +
        `(largest ${deviation.largest.toPrecision(3)}, ${deviation.tokens} tokens); nothing was kept, choose a type of more bits`,
    });
  }
  return { ...deviation, format, tolerance };
}

/** Compares a reread model and tokenizer with the trained one. Throws run-failed for what differs. */
export async function verifyModel(
  model: PolicySource,
  tokenizer: Tokenizer | undefined,
  options: {
    readonly trained: Trained;
    readonly format: ToleratedFormat;
    readonly what: string;
    readonly isGguf?: boolean;
  },
): Promise<Verification> {
  const { trained, what, isGguf = false } = options;
  if (tokenizer !== undefined) requireSameTokenizer(tokenizer, { trained, what, isGguf });
  const logps = await sampleLogps(model, trained.samples.samples, {
    threads: trained.threads,
    availableBytes: trained.availableBytes,
  });
  return judge(logps, options);
}

/** Throws run-failed where a written tokenizer gives other ids or another rendered conversation. */
export function requireSameTokenizer(
  tokenizer: Tokenizer,
  { trained, what, isGguf }: { readonly trained: Trained; readonly what: string; readonly isGguf: boolean },
): void {
  const isNormalised =
    isGguf &&
    trained.files.kind === 'huggingface' &&
    JSON.stringify((trained.files.tokenizerJson as { normalizer?: unknown }).normalizer ?? null).includes('"NFC"');
  const differences = tokenizerDifferences(
    tokenizer,
    trained.tokenizer,
    trained.samples,
    isNormalised ? 'NFC' : undefined,
  );
  if (differences.length > 0)
    throw runFailed({
      file: what,
      message: `export: the written tokenizer must be the model's, it differs: ${differences.slice(0, 3).join('; ')}; nothing was kept`,
    });
}
