import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runWords } from '../src/cli/testing/run-words.ts';
import { temporaryFolder, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** Rows of texts from data to use: what a run says of them, and who asks the model so. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const run = (...words: string[]) => runWords(words);

const PAIRS = Array.from({ length: 6 }, (_, i) => ({ prompt: `Is ${i} even?`, chosen: ' yes!', rejected: ' no' }));
const TURNS = PAIRS.map(({ prompt, chosen, rejected }) => ({
  prompt: [{ role: 'user', content: prompt }],
  chosen: [{ role: 'assistant', content: chosen.trim() }],
  rejected: [{ role: 'assistant', content: rejected.trim() }],
}));

function train(data: string, output: string, ...words: string[]) {
  const fixed = [
    '--threads',
    '1',
    '--lora.rank',
    '2',
    '--batch-size',
    '3',
    '--samples',
    '0',
    '--reference-cache',
    at('cache'),
  ];
  return run('dpo', '-m', at('model'), '-d', at(data), '-o', at(output), ...fixed, ...words);
}

const recordOf = (name: string) =>
  JSON.parse(readFileSync(at(name, 'run.json'), 'utf8')) as {
    specification: Record<string, unknown>;
    measured?: Record<string, unknown>;
  };
const metricsOf = (name: string): unknown[] =>
  readFileSync(at(name, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { loss, 'rewards/margins': margin, num_tokens: tokens } = JSON.parse(line) as Record<string, unknown>;
      return { loss, margin, tokens };
    });

beforeAll(async () => {
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(at('texts.jsonl'), PAIRS);
  writeFileSync(at('question.jsonl'), '{"prompt": "Is 3 even?"}\n');
  writeRows(at('turns.jsonl'), TURNS as never);
  for (const [data, output, ...words] of [
    ['texts.jsonl', 'chat'],
    ['turns.jsonl', 'turns'],
    ['texts.jsonl', 'raw', '--text-rows', 'raw'],
  ] as const) {
    const { code, err } = await train(data, output, ...words);
    expect([output, code, code === 0 ? '' : err]).toEqual([output, 0, '']);
  }
}, 240_000);
afterAll(folder.remove);

test('pairs of texts train as the conversations that they stand for; run and adapter say so', () => {
  expect(metricsOf('chat')).toEqual(metricsOf('turns'));
  expect(metricsOf('raw')).not.toEqual(metricsOf('turns'));
  for (const [name, asked] of [
    ['chat', 'chat'],
    ['turns', 'chat'],
    ['raw', 'raw'],
  ] as const) {
    const { specification, measured } = recordOf(name);
    expect([name, specification['textRows'], measured?.['asked']]).toEqual([
      name,
      asked === 'raw' ? 'raw' : 'chat',
      asked,
    ]);
    expect(JSON.parse(readFileSync(at(name, 'adapter', 'preftune.json'), 'utf8'))).toEqual({ formatVersion: 1, asked });
  }
});

const NOTE =
  'was trained on texts as they stand, without the chat template, and texts are given to it so; --ask chat asks through the template';
let asked = 0;

/** What a model is given of a question, and what is told. */
async function ask(...words: string[]): Promise<{ code: number; err: string; prompt: unknown }> {
  const output = at(`answers-${asked++}.jsonl`);
  const fixed = ['--data', at('question.jsonl'), '-o', output, '--max-new-tokens', '4', '--threads', '1'];
  const { code, err } = await run('generate', ...fixed, ...words);
  const prompt = code === 0 ? (JSON.parse(readFileSync(output, 'utf8')) as { prompt: unknown }).prompt : undefined;
  return { code, err, prompt };
}

test('generate asks each as it was trained, a moved adapter too, and tells where the user has it otherwise', async () => {
  const turn = [{ role: 'user', content: 'Is 3 even?' }];
  const [chat, raw] = [await ask('-m', at('chat')), await ask('-m', at('raw'))];
  expect([chat.prompt, raw.prompt]).toEqual([turn, 'Is 3 even?']);
  expect([chat.err.includes('was trained'), raw.err.includes(NOTE)]).toEqual([false, true]);

  cpSync(at('raw', 'adapter'), at('elsewhere'), { recursive: true });
  const moved = await ask('-m', at('model'), '--adapter', at('elsewhere'));
  expect([moved.prompt, moved.err.includes(`${at('elsewhere')} ${NOTE}`)]).toEqual(['Is 3 even?', true]);

  const against = await ask('-m', at('raw'), '--ask', 'chat');
  expect(against.prompt).toEqual(turn);
  expect(against.err).toContain('but is asked through the template (--ask chat): it may answer otherwise');
  const without = await ask('-m', at('chat'), '--raw');
  expect(without.prompt).toBe('Is 3 even?');
  expect(without.err).toContain('was trained through its chat template, but is asked without it (--ask raw)');
  const both = await ask('-m', at('chat'), '--raw', '--ask', 'chat');
  expect([both.code, both.err]).toEqual([
    2,
    expect.stringContaining('--ask chat has no effect with --raw; leave one out'),
  ]);
});

test('score gives rows to a model as it was trained, and exports keep the choice', async () => {
  const scored = async (model: string) =>
    run('score', '-m', at(model), '-d', at('texts.jsonl'), '--threads', '1', '--reference-cache', at('cache'));
  expect((await scored('raw')).err).toContain('6 of 6 rows stay as they stand, without the chat template');
  expect((await scored('chat')).err).toContain("6 of 6 rows are a user's question and an assistant's answer");

  const { code, err } = await run(
    'export',
    at('raw'),
    '--to',
    'hf,peft,ollama',
    '-o',
    at('exported'),
    '--threads',
    '1',
  );
  expect([code, code === 0 ? '' : err]).toEqual([0, '']);
  for (const part of ['hf', 'peft'])
    expect(JSON.parse(readFileSync(at('exported', part, 'preftune.json'), 'utf8'))).toMatchObject({ asked: 'raw' });
  expect(readFileSync(at('exported', 'ollama', 'Modelfile'), 'utf8')).toContain('TEMPLATE """{{ .Prompt }}"""');
  expect(readFileSync(at('exported', 'hf', 'README.md'), 'utf8')).toContain(
    'It was trained on texts as they stand, without its chat template',
  );
  expect((await ask('-m', at('exported', 'hf'))).prompt).toBe('Is 3 even?');
});

test('a run is resumed as it began; one of an earlier version had texts as they stand', async () => {
  cpSync(at('raw'), at('old'), { recursive: true });
  const { specification, measured: _measured, ...rest } = recordOf('old');
  const { textRows: _textRows, ...others } = specification;
  const before = { ...others, output: at('old') };
  writeFileSync(at('old', 'run.json'), JSON.stringify({ ...rest, specification: before }));
  rmSync(at('old', 'adapter', 'preftune.json'));
  // Nothing says how it was trained: it is asked as every model.
  expect((await ask('-m', at('old'))).prompt).toEqual([{ role: 'user', content: 'Is 3 even?' }]);

  const other = await run('dpo', '-o', at('old'), '--resume', '--text-rows', 'chat');
  expect([other.code, other.err]).toEqual([
    2,
    expect.stringContaining('--text-rows must be what the run began with to resume it, got "chat" instead of "raw"'),
  ]);
  const resumed = await run('dpo', '-o', at('old'), '--resume', '--reference-cache', at('cache'));
  expect([resumed.code, resumed.code === 0 ? '' : resumed.err]).toEqual([0, '']);
  expect(existsSync(at('old', 'adapter', 'preftune.json'))).toBe(true);
  expect((await run('dpo', '-o', at('chat'), '--resume', '--reference-cache', at('cache'))).code).toBe(0);
});

test('data check says how texts would be trained, and shows the first row so; --compat has them as they stand', async () => {
  const checked = await run('data', 'check', at('texts.jsonl'), '--model', at('model'), '--json');
  const { tokenisation } = JSON.parse(checked.out) as {
    tokenisation: { texts: object; examples: { tokens: { text: string }[] }[] };
  };
  expect(tokenisation.texts).toMatchObject({ turns: { count: 6 } });
  expect(tokenisation.examples[0]!.tokens.map(({ text }) => text).join('')).toMatch(
    /^<\|im_start\|>user\nIs 0 even\?<\|im_end\|>/,
  );
  const raw = await run('data', 'check', at('texts.jsonl'), '--model', at('model'), '--text-rows', 'raw');
  expect(raw.out).toContain('6 of 6 rows stay as they stand, without the chat template');

  const refused = await train('texts.jsonl', 'never', '--compat', 'trl-1', '--text-rows', 'chat');
  expect([refused.code, refused.err]).toEqual([
    2,
    "--text-rows must be raw with --compat trl-1, got chat: TRL 1.16's DPOTrainer trains texts as they stand; leave one of them out\n",
  ]);
  const trl = await train('texts.jsonl', 'trl', '--compat', 'trl-1');
  expect(trl.err).toContain(
    "6 of 6 rows stay as they stand, without the chat template, as TRL's trainer has it (--compat)",
  );
  expect([recordOf('trl').specification['textRows'], recordOf('trl').measured?.['asked']]).toEqual(['raw', 'raw']);
});
