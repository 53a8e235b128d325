import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { ExportSource } from '../src/export/index.ts';
import { companionFiles } from '../src/export/hf.ts';
import { openSafetensorsFile, readAdapterFolder, writeAdapterFolder } from '../src/formats/index.ts';
import { openModel, readAdapter } from '../src/policy/index.ts';
import { scorePairs } from '../src/score/index.ts';
import { parseScoreSpecification } from '../src/specification/index.ts';
import { failureOf } from './support/training.ts';
import { temporaryFolder, tinyPairs, TINY_VOCABULARY, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** Models and adapters as people publish them: no weight of a file is dropped without a word, and what changes nothing refuses nothing. */
const folder = temporaryFolder();
afterAll(folder.remove);
const at = (name: string): string => join(folder.path, name);
const HIDDEN = 16;
const HEAD = 'lm_head.weight';
const EMBEDDING = 'model.embed_tokens.weight';
const SIZE = TINY_VOCABULARY * HIDDEN;

async function scored(path: string, rows: readonly object[] = tinyPairs(3)) {
  const data = at(`rows-${rows.length}.jsonl`);
  writeRows(data, rows);
  const notes: string[] = [];
  const scores = await scorePairs(parseScoreSpecification({ model: path, data, threads: 1 }), {
    resolve: async (named) => named,
    referenceCache: at('reference'),
    listener: { onNote: (text) => notes.push(text) },
  });
  const logps = Array.from({ length: scores.count }, (_, row) => scores.row(row).chosenLogps);
  return { logps, notes: notes.filter((text) => text.includes('config.json')) };
}

/** Some numbers. */
const waves = (count: number, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(seed + i) / 9);

/** A model of which one file holds other tensors than another. */
function model(name: string, options: Parameters<typeof writeTinyModel>[1] = {}): Promise<string> {
  return writeTinyModel(at(name), { hidden: HIDDEN, layers: 1, ...options });
}

test('a tied configuration beside another head: the head is used, with a word; an equal copy is none; a head alone is both', async () => {
  const other = Array.from({ length: SIZE }, (_, i) => Math.sin(i) / 5);
  let embedding: number[] = [];
  const keep = (name: string, values: Float32Array): void => {
    if (name === EMBEDDING) embedding = [...values];
    if (name === HEAD) values.set(other);
  };
  await model('tied', { edit: keep });
  const tied = await scored(at('tied'));
  const shape = [TINY_VOCABULARY, HIDDEN];
  await model('untied', {
    config: { tie_word_embeddings: false },
    edit: keep,
    extraShapes: { [HEAD]: shape },
    extra: { [HEAD]: other },
  });
  await model('other-head', { extra: { [HEAD]: other }, extraShapes: { [HEAD]: shape } });
  await model('same-head', { extra: { [HEAD]: embedding }, extraShapes: { [HEAD]: shape } });
  await model('head-alone', { without: [EMBEDDING], extra: { [HEAD]: embedding }, extraShapes: { [HEAD]: shape } });
  const [untied, different] = [await scored(at('untied')), await scored(at('other-head'))];
  expect(different.logps).toEqual(untied.logps);
  expect(different.logps).not.toEqual(tied.logps);
  expect(different.notes).toEqual([
    'config.json ties the head to the embedding, but lm_head.weight is another matrix than model.embed_tokens.weight: it is used as the head, as Transformers does',
  ]);
  for (const name of ['same-head', 'head-alone']) expect(await scored(at(name))).toEqual(tied);
  const opened = await openModel(at('other-head'));
  expect([opened.config.tiedHead, opened.files.config['tie_word_embeddings']]).toEqual([false, false]);
  await opened.files.close();
});

test('a token behind the last row of the embedding: rows without it are scored, one with it is refused with it', async () => {
  // The last id of the tokenizer is <|pad|>.
  const rows = TINY_VOCABULARY - 1;
  const cut = { config: { vocab_size: rows }, rows: { [EMBEDDING]: rows } };
  await model('behind', cut);
  await model('whole');
  expect((await scored(at('behind'))).logps.length).toBe(3);
  const pad = [...tinyPairs(1), { prompt: 'Pad?', chosen: ' yes <|pad|>', rejected: ' no' }];
  expect((await failureOf(() => scored(at('behind'), pad))).messages).toEqual([
    `the text must hold no token behind the ${rows} rows of ${EMBEDDING}, got <|pad|> (${rows}); take it out of the text`,
  ]);
  await model('no-end', { config: { vocab_size: rows - 1 }, rows: { [EMBEDDING]: rows - 1 } });
  expect((await failureOf(() => openModel(at('no-end')))).messages).toEqual([
    `tokenizer: the ids that begin and end texts must be below the ${rows - 1} rows of ${EMBEDDING}, got <|im_end|> (${rows - 1}); resize the model's embedding to its tokenizer, or take the tokenizer that it was trained with`,
  ]);
});

test('adapters under other names, with copies of the base, trained and resized embeddings', async () => {
  await model('base');
  const opened = await openModel(at('base'));
  const { config, files } = opened;
  const module = 'model.layers.0.self_attn.q_proj';
  const own = await openSafetensorsFile(join(at('base'), 'model.safetensors'));
  const embedding = await own.readFloat32(EMBEDDING);
  await own.close();
  const peft = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'], bias: 'none' };
  const write = async (
    name: string,
    rename: (tensor: string) => string,
    more: readonly { name: string; rows: number; values: Float32Array }[] = [],
    fields: object = {},
  ): Promise<string> => {
    const parts = [
      { name: `base_model.model.${module}.lora_A.weight`, shape: [2, HIDDEN], values: waves(2 * HIDDEN, 1) },
      { name: `base_model.model.${module}.lora_B.weight`, shape: [HIDDEN, 2], values: waves(2 * HIDDEN, 2) },
    ].map((part) => ({ ...part, name: rename(part.name) }));
    const copies = more.map((part) => ({ ...part, shape: [part.rows, HIDDEN] }));
    await writeAdapterFolder(at(name), {
      config: { ...peft, ...fields },
      tensors: [...parts, ...copies].map((part) => ({
        name: part.name,
        shape: part.shape,
        read: async () => part.values,
      })),
    });
    return at(name);
  };
  const plain = await readAdapter(await write('plain', (name) => name), config, files.checkpoint);
  const copy = (given: Float32Array, rows = TINY_VOCABULARY) => [
    { name: `base_model.model.${EMBEDDING}`, rows, values: given },
  ];
  const same = [
    await write('default', (name) => name.replace('.weight', '.default.weight')),
    await write('bare', (name) => name.replace('base_model.model.', '')),
    await write('compiled', (name) => `_orig_mod.${name}`),
    await write('copied', (name) => name, copy(embedding)),
    await write('off', (name) => name, [], {
      modules_to_save: [],
      layer_replication: [],
      fan_in_fan_out: null,
      merge_weights: false,
    }),
  ];
  for (const path of same)
    expect([path, (await readAdapter(path, config, files.checkpoint)).weights]).toEqual([path, plain.weights]);
  const refusal = async (path: string): Promise<readonly string[]> =>
    (await failureOf(() => readAdapter(path, config, files.checkpoint))).messages;
  const changed = embedding.map((value, i) => (i === 3 ? value + 1 : value));
  expect(await refusal(await write('trained', (name) => name, copy(changed)))).toEqual([
    `tensor base_model.model.${EMBEDDING} must be the model's own ${EMBEDDING}, it differs; the adapter trained it whole, which preftune does not compute, or was made on another base: merge it with PEFT first`,
  ]);
  const larger = new Float32Array((TINY_VOCABULARY + 2) * HIDDEN);
  expect(await refusal(await write('resized', (name) => name, copy(larger, TINY_VOCABULARY + 2)))).toEqual([
    `tensor base_model.model.${EMBEDDING} must have the ${TINY_VOCABULARY} rows of the model, got [${TINY_VOCABULARY + 2}, ${HIDDEN}]; the vocabulary was resized when it was trained: resize the model in the same way first`,
  ]);
  expect(
    await refusal(
      await write('odd', (name) => name, [], { use_rslora: 'false', use_newer: true, alpha_pattern: { '(open': 8 } }),
    ),
  ).toEqual([
    'use_newer is not a field that preftune knows, got true; it may change what the adapter computes, take it out if it does not',
    'use_rslora must be true or false, got "false"; a text is no truth value',
    'alpha_pattern must have regular expressions that Python and JavaScript read alike, got "(open"; write the paths out',
  ]);
  await files.close();
  expect((await readAdapterFolder(at('plain'))).config['r']).toBe(2);
});

test('an exported folder stops at every token that ends an answer, whatever the base names', async () => {
  await model('base-stops', { generation: { eos_token_id: 258, temperature: 0.7 } });
  const opened = await openModel(at('base-stops'));
  const { generationConfig } = companionFiles({ opened } as ExportSource);
  expect(generationConfig).toEqual({ temperature: 0.7, eos_token_id: [257, 258] });
  await opened.files.close();
});
