import { expect, test } from 'vitest';
import { startTraining, type TrainingEvent } from './training-process.ts';

const PRINT =
  'console.error(JSON.stringify({ event: "seen", names: Object.keys(process.env).sort() })); console.error("no event")';

test('a training gets the environment that it is given and no other, and its lines are events or last words', async () => {
  const events: TrainingEvent[] = [];
  const { ended } = startTraining({
    command: [process.execPath, '-e'],
    words: [PRINT],
    environment: { PATH: '/bin', HOME: '/nowhere' },
    onEvent: (event) => events.push(event),
  });
  expect(await ended).toEqual({ code: 0, signal: null, lastWords: 'no event' });
  const [{ names }] = events as [TrainingEvent];
  expect(names).toEqual(expect.arrayContaining(['HOME', 'PATH']));
  expect(events).toHaveLength(1);
  expect(names).not.toContain('VITEST');
});

test('a program that is not there is told, and throws nothing', async () => {
  const { ended } = startTraining({
    command: ['/nowhere/preftune'],
    words: [],
    environment: {},
    onEvent: () => undefined,
  });
  expect(await ended).toMatchObject({ code: null, lastWords: expect.stringContaining('ENOENT') });
});
