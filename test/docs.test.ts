import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DPO } from '../src/cli/training/dpo.ts';
import { SCORE } from '../src/cli/score.ts';
import { SFT } from '../src/cli/training/sft.ts';
import { SWEEP } from '../src/cli/training/sweep.ts';
import { optionsOf } from '../src/options/index.ts';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** docs/training.md: every command in a fence marked `sh run` is run, in order, on a tiny model and tiny files of the names that the page uses. */
const PAGE = readFileSync(join(import.meta.dirname, '..', 'docs', 'training.md'), 'utf8');
const folder = temporaryFolder();

function fences(kind: RegExp): { readonly info: string; readonly text: string }[] {
  return [...PAGE.matchAll(/^```([^\n]+)\n([\s\S]*?)^```$/gm)]
    .map(([, info = '', text = '']) => ({ info, text }))
    .filter(({ info }) => kind.test(info));
}

beforeAll(async () => {
  await writeTinyModel(join(folder.path, 'model'), { hidden: 16, layers: 1 });
  writeRows(join(folder.path, 'pairs.jsonl'), tinyPairs(10));
  writeRows(
    join(folder.path, 'answers.jsonl'),
    tinyPairs(8).map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
  );
  writeRows(
    join(folder.path, 'thumbs.jsonl'),
    tinyPairs(8).map(({ prompt, chosen }, i) => ({ prompt, completion: chosen, label: i % 2 === 0 })),
  );
  writeRows(
    join(folder.path, 'lists.jsonl'),
    tinyPairs(4).map(({ prompt, chosen, rejected }) => ({
      instruction: prompt,
      completions: [chosen, rejected, `${rejected} or`].map((response, place) => ({
        response,
        'fine-grained_score': 5 - place,
      })),
    })),
  );
  writeRows(
    join(folder.path, 'texts.jsonl'),
    tinyPairs(8).map(({ prompt }) => ({ text: prompt.repeat(3) })),
  );
  for (const { info, text } of fences(/^yaml /)) writeFileSync(join(folder.path, info.slice('yaml '.length)), text);
});
afterAll(folder.remove);

it('runs', { timeout: 300_000 }, async () => {
  const main = buildCli();
  const commands = fences(/^sh run$/).flatMap(({ text }) => text.trim().split('\n'));
  expect(commands.length).toBe(18);
  for (const command of commands) {
    expect(command).toMatch(/^npx preftune /);
    const { code, err } = await preftune(main, command.split(' ').slice(2), {
      cwd: folder.path,
      environment: { XDG_CACHE_HOME: join(folder.path, 'cache') },
    });
    expect([command, code, err.split('\n').filter((line) => /internal|must/.test(line))]).toEqual([command, 0, []]);
  }
});

it('names only options that there are', () => {
  const known = new Set(
    [DPO, SWEEP, SFT, SCORE].flatMap(({ options }) =>
      optionsOf(options).flatMap(({ flag, meta }): string[] => [flag, meta.alias ?? flag]),
    ),
  );
  // --prompts is of compare and evaluate, --global of npm.
  for (const flag of ['--json', '--help', '--help-all', '--config', '--prompts', '--global']) known.add(flag);
  const named = [...PAGE.matchAll(/(?<![\w-])--[a-z][\w.-]*/g)].map(([flag]) => flag.replace(/\.$/, ''));
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((flag) => !known.has(flag))).toEqual([]);
});
