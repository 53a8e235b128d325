import type { RunFacts } from './finding.ts';

/** What advice is made of: nothing names what a run has already, or what its objective does not take. */

/** Parts that fit, `; ` between them. */
export function joined(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => typeof part === 'string' && part !== '').join('; ');
}

/** `a`, `a or b`, `a, b or c`; undefined for none. */
export function either(names: readonly string[]): string | undefined {
  if (names.length < 2) return names[0];
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** Those of some losses that the objective does not have. */
export function others(losses: readonly string[], { objective }: RunFacts): readonly string[] {
  return losses.filter((loss) => objective?.losses.includes(loss) !== true);
}

/** Whether the objective takes pairs, or is not known. */
export function isOfPairs({ objective }: RunFacts): boolean {
  return objective === undefined || objective.kind === 'pair';
}

/** Where beta is a pull towards the reference: a larger one holds the model. */
export function raisesBeta({ objective }: RunFacts): boolean {
  return objective === undefined || objective.needsReference;
}

/** Terms that keep up the probability of chosen answers. */
export function holdsChosen(facts: RunFacts): string | undefined {
  const { objective } = facts;
  if (objective !== undefined && objective.losses.includes('kto')) return 'raise --desirable-weight';
  if (!isOfPairs(facts) || objective?.imitates === true) return undefined;
  const isPlain = objective === undefined || objective.losses.join() === 'sigmoid';
  if (isPlain) return 'add a term that holds the chosen answers (--objective rpo or dpop)';
  const dpop = others(['dpop'], facts).map((name) => `, or take ${name}`);
  return `add a term that holds the chosen answers (",sft" behind --objective${dpop.join('')})`;
}

/** Clips, or clips at less. */
export function clipsMore({ settings }: RunFacts): string {
  const norm = settings?.maxGradientNorm ?? 0;
  return norm === 0 || norm > 1
    ? 'clip (--max-gradient-norm 1)'
    : `clip at less (--max-gradient-norm ${rounded(0.3 * norm)})`;
}

/** Warms up, or for longer. */
export function warmsLonger({ settings }: RunFacts): string | undefined {
  const ratio = settings?.warmupRatio ?? 0;
  if (ratio < 0.1) return 'warm up longer (--warmup-ratio 0.1)';
  return ratio < 0.5 ? `warm up longer (--warmup-ratio ${rounded(Math.min(0.5, 2 * ratio))})` : undefined;
}

function rounded(value: number): number {
  return Number(value.toPrecision(1));
}
