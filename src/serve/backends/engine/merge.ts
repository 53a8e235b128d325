/** Items of several streams as they come, each with the number of its stream, and once `undefined` where a stream has ended. What one throws ends all. */
export async function* merged<T>(
  streams: readonly AsyncIterable<T>[],
): AsyncGenerator<readonly [number, T | undefined]> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const step = async (index: number): Promise<readonly [number, IteratorResult<T>]> => [
    index,
    await iterators[index]!.next(),
  ];
  const waiting = new Map(iterators.map((_, index) => [index, step(index)]));
  try {
    while (waiting.size > 0) {
      const [index, result] = await Promise.race(waiting.values());
      if (result.done === true) waiting.delete(index);
      else waiting.set(index, step(index));
      yield [index, result.done === true ? undefined : result.value];
    }
  } finally {
    for (const work of waiting.values()) work.catch(() => undefined);
    for (const iterator of iterators) void iterator.return?.(undefined);
  }
}
