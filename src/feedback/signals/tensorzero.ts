import { z } from 'zod';
import { badInput, isObject } from '../../core/index.ts';
import { readSignal, type Signal } from './signal.ts';

/**
 * The body of TensorZero's `POST /feedback`. `comment` and `demonstration` are built in there; here `thumb`, `rating`, `accept` and `copy` are, too, and every other name is an
 * outcome, which needs no configuration. Unknown fields are refused, as there.
 *
 * Source: TensorZero's gateway, endpoint feedback. Deviation: a target that is not there is refused at once, since an answer's row is on the disk before its id leaves.
 */
export const TENSORZERO_FEEDBACK = z.strictObject({
  metric_name: z.string().min(1).max(64),
  value: z.union([
    z.boolean(),
    z.number(),
    z.string(),
    z.array(z.unknown()),
    z.record(z.string(), z.unknown()),
    z.null(),
  ]),
  inference_id: z.string().min(1).max(200).nullish(),
  episode_id: z.string().min(1).max(512).nullish(),
  tags: z.record(z.string().min(1).max(64), z.string().max(512)).nullish(),
  /** Checks, and keeps nothing. */
  dryrun: z.boolean().nullish(),
});

const BUILT_IN: Readonly<Record<string, string>> = {
  comment: 'comment',
  demonstration: 'edit',
  thumb: 'thumb',
  thumbs: 'thumb',
  thumbs_up: 'thumb',
  rating: 'rating',
  accept: 'accept',
  accepted: 'accept',
  copy: 'copy',
};

/** Tags that TensorZero's clients use for what is a field here. */
const FIELDS = ['user', 'idempotency_key'] as const;

/** The signal of such a body. Throws bad-input with all that is wrong with it, by TensorZero's names. */
export function signalOfTensorZero(body: z.output<typeof TENSORZERO_FEEDBACK>): Signal {
  const { metric_name: metric, value, inference_id: inference, episode_id: episode, tags } = body;
  const kind = Object.hasOwn(BUILT_IN, metric) ? BUILT_IN[metric]! : 'outcome';
  const rest = { ...tags };
  const fields: Record<string, string> = {};
  for (const name of FIELDS) {
    if (rest[name] === undefined) continue;
    fields[name] = rest[name];
    delete rest[name];
  }
  if (kind === 'edit' && typeof value !== 'string' && !Array.isArray(value))
    throw badInput({
      path: 'value',
      message: 'value: a demonstration must be a text, or a list of parts {"type": "text", "text": "..."}',
    });
  return readSignal({
    kind,
    ...(kind === 'outcome' && { name: metric }),
    ...(kind !== 'copy' && { value: kind === 'edit' ? textOf(value) : value }),
    ...(typeof inference === 'string' && { inference_id: inference }),
    ...(typeof episode === 'string' && { episode_id: episode }),
    ...(Object.keys(rest).length > 0 && { tags: rest }),
    ...fields,
  });
}

function textOf(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const parts = value.map((part: unknown) => (isObject(part) && part['type'] === 'text' ? part['text'] : undefined));
  if (!parts.every((part) => typeof part === 'string'))
    throw badInput({
      path: 'value',
      message: 'value: a demonstration must be made of parts {"type": "text", "text": "..."}; tool calls are none yet',
    });
  return parts.join('');
}
