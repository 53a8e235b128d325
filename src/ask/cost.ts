import type { Usage } from './usage.ts';

/** Dollars for a million tokens. */
export interface Prices {
  readonly input: number;
  readonly output: number;
}

/** Dollars for `usage`; undefined without prices. */
export function costOf({ promptTokens, completionTokens }: Usage, prices: Prices | undefined): number | undefined {
  return prices === undefined
    ? undefined
    : (promptTokens * prices.input + completionTokens * prices.output) / 1_000_000;
}

/** Bytes of UTF-8 that one token holds on average: 4 for English text and common tokenizers, less for other languages. */
const BYTES_PER_TOKEN = 4;

/** About how many tokens a text is: its bytes over four, rounded up. An estimate; only the endpoint knows its tokenizer. */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

/** Dollars with the digits that matter: $0.0012, $3.42, $120. */
export function dollars(cost: number): string {
  if (cost >= 100) return `$${cost.toFixed(0)}`;
  if (cost >= 1 || cost === 0) return `$${cost.toFixed(2)}`;
  return `$${cost.toPrecision(2)}`;
}
