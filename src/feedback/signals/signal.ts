import { badInput, type Problem } from '../../core/index.ts';
import { SIGNAL_SCHEMA, type ComparisonWord, type SignalInput, type SignalKind } from './signal-schema.ts';

/** One of the answers of an inference. */
export interface AnswerReference {
  readonly inferenceId: string;
  /** Which of its choices. */
  readonly choice: number;
}

/** What somebody said of an answer or an episode, read: texts that stand for values are values. */
export interface Signal {
  readonly kind: SignalKind;
  /** Of an outcome. */
  readonly name?: string | undefined;
  /** The answer; of a comparison `a`, of a regeneration the one that went. */
  readonly answer?: AnswerReference | undefined;
  /** Of a comparison `b`, of a regeneration the one that came. */
  readonly other?: AnswerReference | undefined;
  readonly episodeId?: string | undefined;
  /** 1 and 0 for thumbs and the like. Undefined where a word or a text says it, and where it was taken back. */
  readonly value?: number | undefined;
  readonly word?: ComparisonWord | undefined;
  readonly text?: string | undefined;
  /** Of ratings: the ends of the scale. */
  readonly scale?: readonly [number, number] | undefined;
  readonly strength?: 1 | 2 | undefined;
  readonly left?: 'a' | 'b' | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly user?: string | undefined;
  readonly saidAt?: number | undefined;
  readonly idempotencyKey?: string | undefined;
}

const UP: readonly unknown[] = [true, 1, 'true', 'up', 'good', 'yes', '1'];

/** A signal as it came over the wire. Throws bad-input with all that is wrong with it. */
export function readSignal(value: unknown): Signal {
  const parsed = SIGNAL_SCHEMA.safeParse(value);
  if (!parsed.success)
    throw badInput(
      parsed.error.issues.slice(0, 10).map((issue) => {
        const path = issue.path.map(String).join('.') || 'body';
        return { path, message: `${path}: ${issue.message}` };
      }),
    );
  const input = parsed.data;
  const problems = problemsOfSignal(input);
  if (problems.length > 0) throw badInput(problems);
  return signalOf(input);
}

function problemsOfSignal(input: SignalInput): Problem[] {
  const problems: Problem[] = [];
  const wrong = (path: string, message: string): void => void problems.push({ path, message: `${path}: ${message}` });
  if ('episode_id' in input || !('a' in input)) {
    const { inference_id: inference, episode_id: episode } = input as {
      readonly inference_id?: string;
      readonly episode_id?: string;
    };
    if (inference !== undefined && episode !== undefined)
      wrong('episode_id', 'must not be given beside inference_id; leave one of them out');
    if (inference === undefined && episode === undefined)
      wrong('inference_id', 'must be given, or episode_id; it is the id of the answer');
    if (episode !== undefined && 'choice' in input && input.choice !== undefined)
      wrong('choice', 'has no meaning for an episode; leave it out');
  }
  if (input.kind === 'rating') {
    const [low, high] = scaleOf(input);
    const rating = input.value === null ? low : Number(input.value);
    if (!(low < high)) wrong('min', `must be below max, got ${low} and ${high}`);
    else if (!(rating >= low && rating <= high))
      wrong('value', `must be from ${low} to ${high}, got ${String(input.value)}; min and max name another scale`);
  }
  if (input.kind === 'outcome' && !Number.isFinite(outcomeOf(input.value)))
    wrong('value', `must be finite, got ${String(input.value)}`);
  const two =
    input.kind === 'comparison'
      ? [input.a, input.b]
      : input.kind === 'regenerate' && input.kept !== undefined
        ? [input, input.kept]
        : undefined;
  if (two !== undefined && keyOf(two[0]!) === keyOf(two[1]!))
    wrong(input.kind === 'comparison' ? 'b' : 'kept', 'must be another answer, got the same one twice');
  if (input.kind === 'comparison' && input.strength !== undefined && input.value !== 'a' && input.value !== 'b')
    wrong('strength', 'has no meaning where none of them won; leave it out');
  return problems;
}

function keyOf({
  inference_id: id,
  choice = 0,
}: {
  readonly inference_id: string;
  readonly choice?: number | undefined;
}): string {
  return `${choice} ${id}`;
}

function signalOf(input: SignalInput): Signal {
  const { kind, user, at, idempotency_key: idempotencyKey, tags } = input;
  return {
    kind,
    user,
    // Whole milliseconds: performance.timeOrigin + performance.now() has fractions.
    saidAt: at === undefined ? undefined : Math.round(at),
    idempotencyKey,
    tags,
    ...('comment' in input && { text: input.comment }),
    ...(input.kind === 'comparison'
      ? { answer: referenceOf(input.a), other: referenceOf(input.b) }
      : {
          answer: input.inference_id === undefined ? undefined : referenceOf(input as { inference_id: string }),
          ...('episode_id' in input && { episodeId: input.episode_id }),
        }),
    ...ownFields(input),
  };
}

function ownFields(input: SignalInput): Partial<Signal> {
  switch (input.kind) {
    case 'thumb':
      return { value: truthOf(input.value) };
    case 'accept':
      return { value: truthOf(input.value === undefined ? true : input.value) };
    case 'copy':
      return { value: 1 };
    case 'rating':
      return { value: input.value === null ? undefined : Number(input.value), scale: scaleOf(input) };
    case 'outcome':
      return { name: input.name, value: outcomeOf(input.value) };
    case 'comment':
    case 'edit':
      return { text: input.value };
    case 'comparison':
      return { word: input.value ?? undefined, strength: input.strength, left: input.left };
    case 'regenerate':
      return { other: input.kept && referenceOf(input.kept) };
  }
}

function referenceOf({
  inference_id: inferenceId,
  choice = 0,
}: {
  readonly inference_id: string;
  readonly choice?: number | undefined;
}): AnswerReference {
  return { inferenceId, choice };
}

function scaleOf({ min = 1, max = 5 }: { readonly min?: number | undefined; readonly max?: number | undefined }) {
  return [min, max] as const;
}

function truthOf(value: unknown): number | undefined {
  return value === null ? undefined : UP.includes(value) ? 1 : 0;
}

function outcomeOf(value: unknown): number {
  if (typeof value === 'number') return value;
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
  return Number.isNaN(number) ? truthOf(value)! : number;
}

/** Whether the signal takes back what the person said before. */
export function isTakenBack({ kind, value, word }: Pick<Signal, 'kind' | 'value' | 'word'>): boolean {
  if (kind === 'comparison') return word === undefined;
  return (kind === 'thumb' || kind === 'rating' || kind === 'accept') && value === undefined;
}
