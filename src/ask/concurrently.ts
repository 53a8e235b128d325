import { stopped } from './clock.ts';

/**
 * `work` of every item, at most `limit` at a time (default: all), results in the order of items. After the first error, or once `signal` is aborted, nothing new
 * begins; what is under way is told to stop by its own signal and waited for, and then the first error is thrown.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  work: (item: T, index: number, signal: AbortSignal) => Promise<R>,
  { limit = items.length, signal }: { readonly limit?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<R[]> {
  const results = Array.from<R>({ length: items.length });
  const failure = new AbortController();
  const both = signal === undefined ? failure.signal : AbortSignal.any([failure.signal, signal]);
  let next = 0;
  let failed: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (next < items.length && !both.aborted) {
      const index = next++;
      try {
        results[index] = await work(items[index]!, index, both);
      } catch (error) {
        failed ??= { error };
        failure.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (failed !== undefined) throw failed.error;
  if (signal?.aborted && next < items.length) throw stopped();
  return results;
}
