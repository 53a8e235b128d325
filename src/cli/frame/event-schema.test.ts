import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CLI_EVENT } from './event-schema.ts';

test('docs/monitoring.md lists every event with its fields', () => {
  const page = readFileSync(new URL('../../../docs/monitoring.md', import.meta.url), 'utf8');
  const section = page.split('## Events for programs\n')[1]!.split('\n## ')[0]!;
  const listed = section.split('\n').flatMap((line) => {
    const [, name, fields] = /^\| `(\w+)` +\| (.*) \|$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, fields!] as const];
  });
  const shapes = CLI_EVENT.options.map(({ shape }) => shape as Record<string, { value?: unknown }>);
  expect(listed.map(([name]) => name)).toEqual(shapes.map(({ event }) => event!.value));
  for (const [at, shape] of shapes.entries())
    for (const field of Object.keys(shape).filter((one) => one !== 'event' && one !== 'time'))
      expect(listed[at]![1]).toContain(`\`${field}\``);
});
