import { expect, test } from 'vitest';
import type { JobRecord } from '../../ledger/index.ts';
import { createLane } from './job-lane.ts';

const jobOf = (id: string): JobRecord => ({ id }) as JobRecord;

/** A lane over jobs that end when they are told to. */
function laneOf(slots: number, ids: string[]) {
  const waiting = [...ids];
  const running = new Map<string, (error?: Error) => void>();
  const [began, notes]: [string[], string[]] = [[], []];
  const lane = createLane({
    slots,
    next: async (busy) => {
      const id = waiting.find((one) => !busy.has(one));
      return id === undefined ? undefined : jobOf(id);
    },
    work: ({ id }) =>
      new Promise((resolve, reject) => {
        began.push(id);
        running.set(id, (error) => {
          running.delete(id);
          if (error !== undefined) return reject(error);
          waiting.splice(waiting.indexOf(id), 1);
          resolve();
        });
      }),
    onNote: (note) => notes.push(note),
  });
  return { lane, waiting, running, began, notes };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('as many jobs as there are slots are worked on, in their order, and the next when one ends', async () => {
  const { lane, running, began, waiting } = laneOf(2, ['a', 'b', 'c']);
  lane.wake();
  lane.wake();
  await settled();
  expect(began).toEqual(['a', 'b']);
  running.get('b')!();
  await settled();
  expect(began).toEqual(['a', 'b', 'c']);
  const closed = lane.close().then(() => began.push('closed'));
  waiting.push('d');
  lane.wake();
  running.get('a')!();
  await settled();
  expect(began).toEqual(['a', 'b', 'c']);
  running.get('c')!();
  await closed;
  expect(began).toEqual(['a', 'b', 'c', 'closed']);
});

test('a store that fails is told and waited for; whatever wakes the lane goes on sooner', async () => {
  const { lane, running, began, notes } = laneOf(1, ['a']);
  lane.wake();
  await settled();
  running.get('a')!(new Error('no space is left'));
  await settled();
  expect([began, notes]).toEqual([['a'], ['jobs: no space is left; the queue goes on in 30 s']]);
  lane.wake();
  await settled();
  expect(began).toEqual(['a', 'a']);
  running.get('a')!();
  await lane.close();
});
