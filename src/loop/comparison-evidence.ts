import { z } from 'zod';
import { badInput, type Problem } from '../core/index.ts';
import type { GateEvidence } from './gate.ts';

const interval = z.object({ low: z.number(), high: z.number() }).nullable();
const difference = z.looseObject({ value: z.number(), interval: interval.default(null) });
const rate = z.looseObject({ rate: z.number(), interval: interval.default(null) });

/** What of a `comparison.json` a gate reads. */
const COMPARISON = z.looseObject({
  contestants: z.array(z.looseObject({ name: z.string() })),
  prompts: z.number(),
  pairs: z.array(
    z.looseObject({
      model: z.string(),
      baseline: z.string(),
      winRate: rate.nullable(),
      lengthControlled: rate.nullish(),
      lengthRatio: z.number().nullish(),
    }),
  ),
  measured: z
    .array(
      z.looseObject({
        name: z.string(),
        reference: z.string(),
        evaluation: z.looseObject({
          behaviour: z
            .looseObject({
              lines: z.array(z.looseObject({ measure: z.string(), difference: difference.nullable() })),
            })
            .nullish(),
          kl: z.looseObject({ perToken: difference }).nullish(),
        }),
      }),
    )
    .default([]),
});

/**
 * What `preftune compare` wrote (`comparison.json`), as a gate reads it. `kl` is taken only where the comparison measured it from `origin`: the distance from the
 * version before says nothing of where small steps have led. Throws bad-input where the two were not compared.
 */
export function evidenceOfComparison(
  value: unknown,
  {
    file,
    candidate,
    baseline,
    origin,
  }: {
    readonly file: string;
    readonly candidate: string;
    readonly baseline: string;
    readonly origin?: string | undefined;
  },
): GateEvidence {
  const parsed = COMPARISON.safeParse(value);
  if (!parsed.success) throw badInput({ file, message: 'must be the comparison.json of preftune compare; it is not' });
  const { pairs, measured, contestants, prompts } = parsed.data;
  const pair = pairs.find(({ model, baseline: against }) => model === candidate && against === baseline);
  if (pair === undefined) {
    const names = contestants.map(({ name }) => name).join(', ');
    const problem: Problem = {
      file,
      message: `must compare ${candidate} with ${baseline}, got ${names}; preftune compare ${baseline}=... ${candidate}=...`,
    };
    throw badInput(problem);
  }
  const of = measured.find(({ name, reference }) => name === candidate && reference === baseline)?.evaluation;
  const fromOrigin = measured.find(
    ({ name, reference }) => name === candidate && reference === (origin ?? baseline),
  )?.evaluation;
  const lines = of?.behaviour?.lines ?? [];
  return {
    prompts,
    winRate: pair.winRate ?? undefined,
    lengthControlled: pair.lengthControlled ?? undefined,
    lengthRatio: pair.lengthRatio ?? undefined,
    kl: fromOrigin?.kl?.perToken,
    behaviour:
      of?.behaviour === undefined || of.behaviour === null
        ? undefined
        : Object.fromEntries(lines.flatMap(({ measure, difference: by }) => (by === null ? [] : [[measure, by]]))),
  };
}
