import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeSeededAdapter } from '../support/adapters.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

/**
 * What vLLM's own tests ask of its routes for adapters, asked of ours in the same way: through OpenAI's client, with paths of this machine. Where we answer otherwise, the
 * test says so.
 *
 * Source: vLLM, tests/entrypoints/openai/test_lora_adapters.py and test_serving_models.py (commit 0091c950).
 */
const folder = temporaryFolder();
let at: TestServer;
let client: OpenAI;
let adapter: string;
beforeAll(async () => {
  adapter = await writeSeededAdapter(folder.path, 1);
  at = await startTestServer({ given: { adapterRoot: folder.path, adapters: [`static=${adapter}`] } });
  client = new OpenAI({ baseURL: at.baseURL, apiKey: 'none', maxRetries: 0, timeout: 20_000 });
});
afterAll(async () => {
  await at.close();
  folder.remove();
});

const BASE = 'embedded-model';
const load = (name: string, path: string, more: object = {}): Promise<string> =>
  client.post('/load_lora_adapter', { body: { lora_name: name, lora_path: path, ...more } });
const unload = (name: string): Promise<string> => client.post('/unload_lora_adapter', { body: { lora_name: name } });
const complete = (model: string) =>
  client.completions.create({ model, prompt: ['Hello there', 'Foo bar bazz buzz'], max_tokens: 5 });

interface Card {
  readonly id: string;
  readonly root: string;
  readonly parent: string | null;
}
const cards = async (): Promise<Card[]> => (await client.models.list()).data as unknown as Card[];

test('adapters of the start and of later stand behind their base, with root and parent', async () => {
  expect((await cards()).map(({ id, parent }) => [id, parent])).toEqual([
    [BASE, null],
    ['static', BASE],
  ]);
  expect(await load('dynamic', adapter)).toBe("Success: LoRA adapter 'dynamic' added successfully.");
  const last = (await cards()).at(-1)!;
  expect(last).toMatchObject({ id: 'dynamic', root: adapter, parent: BASE });
  expect(await unload('dynamic')).toBe("Success: LoRA adapter 'dynamic' removed successfully.");
  expect((await cards()).map(({ id }) => id)).toEqual([BASE, 'static']);
});

test('names: missing and empty ones, one that is taken, one that is not there', async () => {
  await expect(load('', '')).rejects.toThrow(BadRequestError);
  await expect(load('a', '')).rejects.toThrow(BadRequestError);
  await expect(client.post('/load_lora_adapter', { body: {} })).rejects.toMatchObject({ status: 400 });
  await expect(client.post('/unload_lora_adapter', { body: {} })).rejects.toMatchObject({ status: 400 });
  await load('twice', adapter);
  await expect(load('twice', adapter)).rejects.toMatchObject({ status: 400, code: 'InvalidUserInput' });
  expect(await load('twice', adapter, { load_inplace: true })).toContain("'twice' added successfully");
  await unload('twice');
  await expect(unload('twice')).rejects.toMatchObject({
    status: 404,
    code: 'NotFoundError',
    message: "404 The adapter 'twice' cannot be found.",
  });
  // vLLM takes this field away without a word; here it has no effect either, and is said to be none.
  await expect(client.post('/unload_lora_adapter', { body: { lora_name: 'static', lora_int_id: 1 } })).rejects.toThrow(
    'lora_int_id',
  );
});

test('files: none there, no JSON', async () => {
  await expect(load('notfound', '/not/an/adapter')).rejects.toThrow(NotFoundError);
  const invalid = join(folder.path, 'invalid');
  mkdirSync(invalid);
  writeFileSync(join(invalid, 'adapter_config.json'), 'this is not json');
  await expect(load('invalid-json', invalid)).rejects.toThrow(BadRequestError);
});

test.each([
  ['bias', { bias: 'all' }, /bias/],
  ['dora', { use_dora: true }, /dora/i],
  ['modules to save', { modules_to_save: ['lm_head'] }, /modules_to_save|lm_head/],
])('what an adapter has that is not computed is refused: %s', async (name, change, message) => {
  const path = join(folder.path, name.replaceAll(' ', '-'));
  cpSync(adapter, path, { recursive: true });
  const file = join(path, 'adapter_config.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...change }));
  const refused = load('odd', path);
  await expect(refused).rejects.toThrow(BadRequestError);
  await expect(refused).rejects.toThrow(message);
});

async function loadAndAsk(name: string): Promise<number> {
  await load(name, adapter);
  let choices = 0;
  for (let i = 0; i < 3; i++) choices += (await complete(name)).choices.length;
  return choices;
}

test('ten adapters at once, each loaded and asked three times', async () => {
  const names = Array.from({ length: 10 }, (_, i) => `adapter_${i}`);
  expect(await Promise.all(names.map(loadAndAsk))).toEqual(names.map(() => 6));
  // vLLM's request for a search over beams is refused by name, where an engine without one would pass it over.
  const beams = { model: 'adapter_0', prompt: 'Hello', max_tokens: 5, use_beam_search: true };
  await expect(client.completions.create(beams as never)).rejects.toThrow('"use_beam_search"');
  for (const name of names) await unload(name);
});

test('loads that fail disturb nobody', async () => {
  const over = new AbortController();
  const good = (async () => {
    let answered = 0;
    while (!over.signal.aborted) answered += (await complete('static')).choices.length;
    return answered;
  })();
  for (let i = 0; i < 10; i++) {
    await expect(load('notfound', '/not/an/adapter')).rejects.toThrow(NotFoundError);
    await expect(load('invalid', join(folder.path, 'invalid'))).rejects.toThrow(BadRequestError);
  }
  over.abort();
  expect(await good).toBeGreaterThan(0);
  await load('valid', adapter);
  expect((await complete('valid')).choices).toHaveLength(2);
});
