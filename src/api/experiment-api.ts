import { z } from 'zod';
import { listSchema } from './pages.ts';
import type { Route } from './route.ts';

const MAX_BYTES = 64 * 2 ** 10;
const MODEL = z.string().min(1).max(256);

/** What a unit may be judged by: signals of people, and named outcomes. */
export const EXPERIMENT_SIGNALS = [
  'thumbs_down',
  'thumbs_up',
  'edit',
  'regenerate',
  'copy',
  'accept',
  'rating',
  'outcome',
] as const;

export const EXPERIMENT_GUARDRAILS = [
  'error_rate',
  'first_token',
  'length',
  'refusal_rate',
  'response_rate',
  'thumbs_down',
] as const;

const MARGIN = (most: number) => z.number().gt(0).max(most).nullable().optional();

/** What an experiment is; it does not change while it runs, but for `traffic`, which only grows. */
export const EXPERIMENT_BODY = z
  .strictObject({
    key: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be letters, digits and . _ - inside')
      .meta({ description: 'Its name, and what the coin is tossed with; used once' }),
    alias: MODEL.default('prod').meta({ description: 'The name that applications ask' }),
    control: MODEL.optional().meta({ description: 'Default: what the alias points to' }),
    candidates: z.array(MODEL).min(1).max(7),
    weights: z
      .array(z.number().gt(0).max(1000))
      .optional()
      .meta({ description: 'Of control and candidates, in this order. Default: all alike' }),
    traffic: z.number().gt(0).max(1).default(1).meta({ description: 'Share of units that take part' }),
    holdout: z
      .union([z.literal(0), z.number().min(0.01).max(0.05)])
      .default(0)
      .meta({
        description: 'Share of units that are in no experiment of this alias, 0.01 to 0.05; always the same ones',
      }),
    metric: z
      .strictObject({
        signal: z.enum(EXPERIMENT_SIGNALS),
        name: z.string().max(64).optional().meta({ description: 'Of the outcome' }),
        counts: z
          .enum(['any', 'share'])
          .default('any')
          .meta({ description: 'any: 1 where a unit gave one; share: of its answers that had one' }),
        better: z.enum(['higher', 'lower']).optional().meta({ description: 'Default: as the signal says' }),
        window_hours: z
          .number()
          .gt(0)
          .max(24 * 28)
          .default(24),
      })
      .default({ signal: 'thumbs_down', counts: 'any', window_hours: 24 }),
    alpha: z.number().min(0.0001).max(0.2).default(0.05),
    margin: z.number().gt(0).max(0.5).default(0.02).meta({ description: 'Effects within it are as good as none' }),
    budget: z.int().min(100).max(100_000_000).default(20_000).meta({ description: 'Units after which it ends' }),
    guardrails: z
      .strictObject({
        error_rate: MARGIN(1),
        first_token: MARGIN(10),
        length: MARGIN(10),
        refusal_rate: MARGIN(1),
        response_rate: MARGIN(1),
        thumbs_down: MARGIN(1),
      })
      .default({})
      .meta({ description: 'How much worse each may be; null: not watched' }),
    is_aa: z.boolean().default(false).meta({ description: 'The same version on both sides, to try the rule itself' }),
  })
  .meta({ id: 'CreateExperiment' });

const ARM = z.object({ units: z.int(), mean: z.number().nullable() });
/** Null where nothing can be said yet. */
const EFFECT = z.object({ estimate: z.number().nullable(), low: z.number().nullable(), high: z.number().nullable() });

export const VERDICT_WORDS = [
  'better',
  'worse',
  'equal',
  'go on',
  'out of budget',
  'withheld',
  'stopped by a guardrail',
] as const;

const CANDIDATE = z.object({
  model: z.string(),
  is_loaded: z.boolean(),
  verdict: z.object({
    word: z.enum(VERDICT_WORDS),
    text: z.string(),
    /** Days until something is decided, at this traffic, where it goes on and that can be said. */
    days_left: z.number().nullable(),
  }),
  control: ARM,
  candidate: ARM,
  /** Candidate less control, and the p of no effect. The interval holds at every look, and decides. */
  effect: EFFECT.extend({ p: z.number() }),
  /** The interval as it was, by units that were closed. */
  series: z.array(
    z.object({ at: z.number(), units: z.int(), estimate: z.number(), low: z.number(), high: z.number() }),
  ),
  guardrails: z.array(
    EFFECT.extend({
      name: z.enum(EXPERIMENT_GUARDRAILS),
      /** Relative to the control's mean, or a difference of shares. */
      is_relative: z.boolean(),
      margin: z.number(),
      status: z.enum(['within', 'open', 'breached', 'not measured']),
      text: z.string(),
    }),
  ),
  /** By whole days since a unit was first exposed; each interval is of one look, and decides nothing. */
  by_day: z.array(EFFECT.extend({ day: z.int(), control: ARM, candidate: ARM })),
});

const EXPERIMENT_OBJECT = z
  .object({
    id: z.string(),
    object: z.literal('preftune.experiment'),
    key: z.string(),
    alias: z.string(),
    control: z.string(),
    status: z.enum(['running', 'stopped']),
    /** Who asked for the end and why. */
    reason: z.string().nullable(),
    /** Why it takes no units now, though it runs. */
    problem: z.string().nullable(),
    created_at: z.number(),
    stopped_at: z.number().nullable(),
    traffic: z.number(),
    holdout: z.number(),
    is_aa: z.boolean(),
    weights: z.array(z.number()),
    metric: z.object({
      signal: z.enum(EXPERIMENT_SIGNALS),
      name: z.string().nullable(),
      counts: z.enum(['any', 'share']),
      better: z.enum(['higher', 'lower']),
      window_hours: z.number(),
    }),
    alpha: z.number(),
    margin: z.number(),
    budget: z.int(),
    units: z.object({
      exposed: z.int(),
      open: z.int(),
      closed: z.int(),
      /** Seen in two arms, and left out. */
      crossed: z.int(),
      /** Signals that came after their unit was closed, and count for nothing. */
      late_signals: z.int(),
    }),
    sample_ratio: z.object({
      exposed: z.array(z.int()),
      expected: z.array(z.number()),
      p: z.number(),
      is_alarm: z.boolean(),
    }),
    candidates: z.array(CANDIDATE),
  })
  .meta({ id: 'Experiment' });

const STOP_BODY = z.strictObject({ reason: z.string().min(1).max(1000) }).meta({ id: 'StopExperiment' });
const TRAFFIC_BODY = z.strictObject({ traffic: z.number().gt(0).max(1) }).meta({ id: 'WidenExperiment' });

/** Live tests of models on the traffic of a name. */
export const EXPERIMENT_ROUTES = {
  list: {
    method: 'get',
    path: '/v1/preftune/experiments',
    policy: ['read', 'train'],
    summary: 'Experiments, newest first, with their verdicts',
    answer: listSchema(EXPERIMENT_OBJECT).extend({
      /** What the rule did where there was nothing to find. */
      aa: z.object({ runs: z.int(), false_alarms: z.int() }),
    }),
  },
  create: {
    method: 'post',
    path: '/v1/preftune/experiments',
    policy: ['admin'],
    summary: 'Starts an experiment on the traffic of a name, from the next request on',
    body: EXPERIMENT_BODY,
    maxBodyBytes: MAX_BYTES,
    answer: EXPERIMENT_OBJECT,
  },
  get: {
    method: 'get',
    path: '/v1/preftune/experiments/{id}',
    policy: ['read', 'train'],
    summary: 'One of them, by its id or key',
    answer: EXPERIMENT_OBJECT,
  },
  widen: {
    method: 'post',
    path: '/v1/preftune/experiments/{id}/traffic',
    policy: ['admin'],
    summary: 'Lets more units take part; nobody changes the arm',
    body: TRAFFIC_BODY,
    answer: EXPERIMENT_OBJECT,
  },
  stop: {
    method: 'post',
    path: '/v1/preftune/experiments/{id}/stop',
    policy: ['admin'],
    summary: 'Takes no more units; those that are open close when their window ends',
    body: STOP_BODY,
    answer: EXPERIMENT_OBJECT,
  },
} as const satisfies Record<string, Route>;
