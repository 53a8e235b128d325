import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeTemporaryFolder, removeFolder } from '../files/testing/support.ts';
import { missingPath } from './missing-path.ts';
import { takeApart } from './locate.ts';

const folder = makeTemporaryFolder();
const before = process.cwd();

beforeAll(() => {
  for (const path of ['model', 'models/SmolLM2-135M-Instruct', 'cache/models--owner--kept/snapshots', 'owner/other'])
    mkdirSync(join(folder, path), { recursive: true });
  for (const file of ['pairs.jsonl', 'models/tiny-Q8_0.gguf']) writeFileSync(join(folder, file), '');
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(before);
  removeFolder(folder);
});

const MODEL = 'the model must be a folder or .gguf file that exists';
const DATA = 'the data must be a file or folder that exists';

test.each([
  ['./modle', `${MODEL}, got no such folder here; did you mean ./model?`],
  [
    'modle',
    `${MODEL}, got no such folder here; did you mean model? A name of the hub has its owner before it: owner/modle`,
  ],
  ['modell/', `${MODEL}, got no such folder here; did you mean model?`],
  [
    'models/SmolLM2',
    `${MODEL}, got no such folder here, where models/ is a folder; did you mean models/SmolLM2-135M-Instruct? For the hub's repository of this name write models/SmolLM2@main`,
  ],
  [
    'modles/smollm2-135m-instruct',
    `${MODEL}, got no such folder here; did you mean models/SmolLM2-135M-Instruct? For the hub's repository of this name write modles/smollm2-135m-instruct@main`,
  ],
  ['tiny-Q8_0.gguf', `${MODEL}, got no such file here; did you mean models/tiny-Q8_0.gguf?`],
  ['models/tiny.gguf', `${MODEL}, got no such file here; did you mean models/tiny-Q8_0.gguf?`],
  [
    'models/x/y.gguf',
    `${MODEL}, got no such file here, where models/ is a folder; check the path (@/models holds SmolLM2-135M-Instruct, tiny-Q8_0.gguf). For the hub's repository of this name write models/x/y.gguf@main`,
  ],
  [
    '~/models/x',
    `${MODEL}, got no such folder here; only a shell knows ~, at the start of a word; write ${join(homedir(), 'models', 'x')}`,
  ],
  ['/nowhere-at-all/x', expect.stringMatching(/got no such folder here; check the path \(\/ holds .*\)$/)],
  ['owner/kept', undefined],
  [
    'owner/name',
    `${MODEL}, got no such folder here, where owner/ is a folder; check the path (@/owner holds other). For the hub's repository of this name write owner/name@main`,
  ],
  ['owner/name@main', undefined],
  ['HuggingFaceTB/SmolLM2-135M', undefined],
  ['HuggingFaceTB/x-GGUF/x-q8_0.gguf', undefined],
])('%s', (named, message) => {
  const { id, revision } = takeApart(named);
  const problem = missingPath({ id, named, revision, kind: 'model', cacheDir: 'cache' });
  expect(problem?.message.replaceAll(folder, '@')).toEqual(message);
});

test.each([
  ['pair.jsonl', `${DATA}, got no such file here; did you mean pairs.jsonl?`],
  ['pears.jsonl:train', `${DATA}, got no such file here; did you mean pairs.jsonl?`],
  [
    'hh-rlhf',
    `${DATA}, got no such folder here; check the path (@ holds cache, model, models, owner, pairs.jsonl). A name of the hub has its owner before it: owner/hh-rlhf`,
  ],
  ['Anthropic/hh-rlhf:test', undefined],
])('data %s', (named, message) => {
  const { id, revision } = takeApart(named);
  const problem = missingPath({ id, named, revision, kind: 'dataset', cacheDir: 'cache' });
  expect(problem?.message.replaceAll(folder, '@')).toEqual(message);
});
