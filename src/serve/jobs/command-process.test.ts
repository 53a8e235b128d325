import { expect, test } from 'vitest';
import { startCommand, type CommandEvent } from './command-process.ts';

const PRINT =
  'console.error(JSON.stringify({ event: "seen", names: Object.keys(process.env).sort() })); console.error("no event"); console.log("{}")';

test('a command gets the environment that it is given and no other, and its lines are events or last words', async () => {
  const events: CommandEvent[] = [];
  const { ended } = startCommand({
    command: [process.execPath, '-e'],
    words: [PRINT],
    environment: { PATH: '/bin', HOME: '/nowhere' },
    onEvent: (event) => events.push(event),
  });
  expect(await ended).toEqual({ code: 0, signal: null, lastWords: 'no event', result: '{}\n' });
  const [{ names }] = events as [CommandEvent];
  expect(names).toEqual(expect.arrayContaining(['HOME', 'PATH']));
  expect(events).toHaveLength(1);
  expect(names).not.toContain('VITEST');
});

test('a program that is not there is told, and throws nothing', async () => {
  const { ended } = startCommand({
    command: ['/nowhere/preftune'],
    words: [],
    environment: {},
    onEvent: () => undefined,
  });
  expect(await ended).toMatchObject({ code: null, lastWords: expect.stringContaining('ENOENT') });
});
