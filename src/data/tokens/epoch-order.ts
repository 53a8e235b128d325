import { badInput, createRandom, permutation, type Random } from '../../core/index.ts';

export interface EpochOrderOptions {
  /** Number of rows. */
  readonly count: number;
  readonly seed: number;
  /** 0-based. */
  readonly epoch: number;
  /** Rows of one optimizer step; decides where bucketing may cut. */
  readonly batchSize: number;
  /** sequential keeps the file's order; default shuffled. */
  readonly order?: 'shuffled' | 'sequential';
  /** Batches of similar length. Undefined: no bucketing. Has no effect with a sequential order, and is refused there. */
  readonly bucketing?: {
    /** Tokens of each row. */
    readonly lengths: ArrayLike<number>;
    /** How many batches are sorted together; more gives less padding and less mixing. Default 50. */
    readonly batchesPerBucket?: number;
  };
}

/**
 * The order in which an epoch visits rows 0..count-1, each once: a pure function of its arguments, so that a resumed run
 * continues by skipping what was seen. With bucketing the shuffled rows are sorted by length within buckets of
 * batchesPerBucket x batchSize, cut into batches, and the batches are shuffled; an incomplete batch stays last, so that
 * every other one is a whole batch of similar lengths.
 *
 * Throws bad-input for a count, epoch or batch size out of range, and for bucketing with a sequential order.
 */
export function epochOrder(options: EpochOrderOptions): Int32Array<ArrayBuffer> {
  const { count, seed, epoch, batchSize, order = 'shuffled', bucketing } = options;
  for (const [name, value, least] of [
    ['count', count, 0],
    ['epoch', epoch, 0],
    ['batchSize', batchSize, 1],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least)
      throw badInput(`epochOrder: ${name} must be an integer of at least ${least}, got ${value}`);
  }
  if (order === 'sequential') {
    if (bucketing !== undefined)
      throw badInput(
        'epochOrder: bucketing must not be set when order is sequential, got both; bucketing changes the order',
      );
    return Int32Array.from({ length: count }, (_, index) => index);
  }
  const random = createRandom(seed, `epoch ${epoch}`);
  const shuffled = permutation(count, random);
  return bucketing === undefined ? shuffled : bucket(shuffled, bucketing, { batchSize, random });
}

function bucket(
  shuffled: Int32Array<ArrayBuffer>,
  bucketing: NonNullable<EpochOrderOptions['bucketing']>,
  { batchSize, random }: { readonly batchSize: number; readonly random: Random },
): Int32Array<ArrayBuffer> {
  const { lengths, batchesPerBucket = 50 } = bucketing;
  const count = shuffled.length;
  if (lengths.length !== count)
    throw badInput(
      `epochOrder: bucketing.lengths must hold one length for each of ${count} rows, got ${lengths.length}`,
    );
  // The rows of the incomplete batch leave first, so that sorting does not always leave the same kind of row for last.
  const whole = count - (count % batchSize);
  const sorted = shuffled.slice();
  const bucketSize = batchSize * batchesPerBucket;
  for (let start = 0; start < whole; start += bucketSize) {
    const end = Math.min(start + bucketSize, whole);
    // A stable sort of an already random order: ties stay random.
    const part = Array.from(shuffled.subarray(start, end)).toSorted((a, b) => lengths[b]! - lengths[a]!);
    sorted.set(part, start);
  }
  const batchOrder = permutation(whole / batchSize, random);
  const result = sorted.slice();
  batchOrder.forEach((from, to) => {
    result.set(sorted.subarray(from * batchSize, (from + 1) * batchSize), to * batchSize);
  });
  return result;
}
