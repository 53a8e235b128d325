import { z } from 'zod';

const count = z.int().min(0);
/** Numbers that are not finite are null, as in metrics.jsonl. */
const metrics = z.record(z.string(), z.number().nullable());

function event<Name extends string, Shape extends z.ZodRawShape>(name: Name, shape: Shape) {
  return z.strictObject({ event: z.literal(name), time: z.iso.datetime(), ...shape });
}

/**
 * A line of stderr under --json: what happened, when (UTC, ISO 8601), and what belongs to it. Results are not events: they stand on stdout.
 *
 * @example
 * ```ts run
 * import { CLI_EVENT } from 'preftune/cli';
 *
 * const line = '{"event":"checkpoint","time":"2026-11-30T09:30:00.000Z","step":40}';
 * const event = CLI_EVENT.parse(JSON.parse(line));
 * console.log(event.event === 'checkpoint' && event.step); // 40
 * ```
 */
export const CLI_EVENT = z.discriminatedUnion('event', [
  /** Work whose end nobody knows begins: a model is opened, programs are compiled, a hub is asked. */
  event('load', { what: z.string() }),
  /** Counted work goes on: its first state, one line a second, and the last. `total` is null where nobody knows. */
  event('progress', {
    what: z.string(),
    done: count,
    total: count.nullable(),
    unit: z.enum(['steps', 'bytes', 'rows']),
  }),
  /** What the run is going to do: RunPlan of preftune/train. */
  event('plan', { plan: z.looseObject({ recipe: z.enum(['dpo', 'sft']) }) }),
  /** How long it takes, in seconds, from what was measured: PlannedTime of preftune/train. */
  event('estimate', { estimate: z.looseObject({ seconds: z.number(), from: z.number(), to: z.number() }) }),
  /** Rows whose reference log-probabilities are known. */
  event('reference', { done: count, total: count }),
  /** The first step begins; `done` steps came from a checkpoint. */
  event('start', { done: count, total: count }),
  event('step', { step: count, totalSteps: count, epoch: z.number(), metrics }),
  /** The best so far, where runs keep one. */
  event('evaluation', { step: count, metrics, isBest: z.boolean() }),
  event('checkpoint', { step: count }),
  /** A prompt answered before and after training. */
  event('sample', { prompt: z.string(), before: z.string(), after: z.string() }),
  event('warning', { message: z.string() }),
  /** A check of docs/monitoring.md fired: RunFinding of preftune/monitor. */
  event('finding', { finding: z.looseObject({ name: z.string() }) }),
  /** The work is done and its result stands on stdout; seconds of the command, and the most memory that it held. */
  event('done', { seconds: z.number(), peakBytes: z.number() }),
  /** The command failed; nothing follows. */
  event('error', {
    error: z.strictObject({ code: z.string(), problems: z.array(z.looseObject({ message: z.string() })) }),
  }),
]);
export type CliEvent = z.output<typeof CLI_EVENT>;
