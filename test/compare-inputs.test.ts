import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';
import { runDpo } from './support/training.ts';

/** What `preftune compare` refuses before anything is drawn. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const LONGER = '--judges [{"kind":"length","prefer":"longer","unit":"words"}]';

beforeAll(async () => {
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(at('pairs.jsonl'), tinyPairs(4));
  writeRows(at('prompts.jsonl'), [{ prompt: 'Who?' }] as never);
  writeRows(at('short.jsonl'), [{ prompt: 'Who?', answer: 'me' }] as never);
  const training = { lora: { rank: 2 }, batchSize: 4, maxSteps: 1, samples: 0 };
  await runDpo(
    { model: at('model'), data: at('pairs.jsonl'), output: at('run'), ...training },
    { folder: folder.path },
  );
});
afterAll(folder.remove);

async function compare(line: string) {
  return preftune(buildCli(), ['compare', ...line.split(' ')], { environment: { XDG_CACHE_HOME: at('cache') } });
}

it(
  'what measures nothing is refused, and texts are looked at before anything is drawn',
  { timeout: 60_000 },
  async () => {
    const tail = `--prompts ${at('prompts.jsonl')} ${LONGER} --output ${at('refused')}`;
    const said = async (words: string): Promise<[number | null, string]> => {
      const { code, err } = await compare(`${words} ${tail}`);
      return [code, err];
    };
    writeFileSync(at('empty.jsonl'), '');
    writeFileSync(at('bad-text.jsonl'), '{"text":"a"}\n{"text":5}\n');
    expect(await said(`${at('run')} --texts ${at('empty.jsonl')}`)).toEqual([
      2,
      `${at('empty.jsonl')}: data must hold at least one record, got an empty file\n`,
    ]);
    expect(await said(`${at('run')} --texts ${at('bad-text.jsonl')}`)).toEqual([
      2,
      `${at('bad-text.jsonl')}:2: text must be a text, got 5\n`,
    ]);
    expect(await said(`${at('run')} --texts ${at('pairs.jsonl')}`)).toEqual([
      2,
      expect.stringContaining('rows must be texts or answers to prompts; name rows with text') as string,
    ]);
    expect(await said(`${at('short.jsonl')} ${at('run')} --texts ${at('prompts.jsonl')} --frontier`)).toEqual([
      2,
      ['texts', 'frontier']
        .map(
          (name) =>
            `--${name} has no effect here, since models are measured beside a first contestant that is a model; leave it out, or name a model first\n`,
        )
        .join(''),
    ]);
    expect(await said(`${at('model')} b=${at('model')} --frontier`)).toEqual([
      2,
      '--frontier needs a run folder behind the first contestant\n',
    ]);
    const missing = await compare(
      `${at('model')} ${at('run')} --prompts missing/rows.jsonl ${LONGER} --output ${at('refused')}`,
    );
    expect([missing.code, missing.err]).toEqual([
      2,
      expect.stringContaining(
        'missing/rows.jsonl: the data must be a file or folder that exists, got no such file here; ',
      ),
    ]);
    expect(existsSync(at('refused'))).toBe(false);
  },
);
