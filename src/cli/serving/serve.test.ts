import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { badInputProblems } from '../../core/index.ts';
import { parseCommand } from '../frame/parse-command.ts';
import { temporaryFolder } from '../../../test/support/tiny-model.ts';
import { SERVE } from './serve.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

function problemsOf(...words: readonly string[]): string[] {
  try {
    parseCommand(SERVE, words, {});
    return [];
  } catch (thrown) {
    const problems = badInputProblems(thrown);
    return problems.map(({ line, message }) => (line === undefined ? message : `${line}: ${message}`));
  }
}

test('what is wrong inside a list of a configuration file is told with its line', () => {
  const path = join(folder.path, 'serve.yaml');
  writeFileSync(path, 'port: 99999\nupstreams:\n  - name: x\n    baseUrl: htp://y\n    fallbacks: [z]\n');
  expect(problemsOf('--config', path)).toEqual([
    '1: port must be at most 65535, got 99999',
    '2: upstreams.0.baseUrl must begin with http:// or https://, got "htp://y"',
    '2: upstreams.0.fallbacks must be names of upstreams, got z; did you mean x?',
  ]);
});

test('of a file that is not there nothing else is said', () => {
  expect(problemsOf('--config', join(folder.path, 'none.yaml'))).toEqual([
    '--config must be a readable file, got none of this name; check the path',
  ]);
});
