import { expect, test } from 'vitest';
import { heldBytes, roomAfter, roomBeside } from './job-memory.ts';

test('what jobs under way are still going to take is not free, and what they hold comes back', () => {
  const claims = [
    { peak: 600, held: 100 },
    { peak: 300, held: 350 },
  ];
  // Of 1000 the first takes 500 more; the second has all that it planned, and more.
  expect(roomBeside(claims, 1000)).toBe(500);
  expect(roomAfter(claims, 1000)).toBe(1450);
  expect(roomBeside([], 1000)).toBe(1000);
  // Of a process that nobody knows of, the worse is taken each time.
  expect(roomBeside([{ peak: 600, held: undefined }], 1000)).toBe(400);
  expect(roomAfter([{ peak: 600, held: undefined }], 1000)).toBe(1600);
});

test.runIf(process.platform === 'linux')('a process says what it holds; one that is gone holds nothing', () => {
  expect(heldBytes(process.pid)).toBeGreaterThan(10e6);
  expect(heldBytes(2 ** 30)).toBeUndefined();
  expect(heldBytes(undefined)).toBeUndefined();
});
