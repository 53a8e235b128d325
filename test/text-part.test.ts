import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openModelFiles, openSafetensorsFile } from '../src/formats/index.ts';
import { EMBEDDING_NAME, parameterSpecs, parseModelConfig, textName } from '../src/models/index.ts';
import { openModel, readAdapter, writeAdapter, type OpenedModel } from '../src/policy/index.ts';
import { textPart } from '../src/policy/reading/text-part.ts';
import { sampleLogps } from '../src/score/index.ts';
import { largestDifference } from './support/model-fixtures.ts';
import { temporaryFolder, writeTinyModel } from './support/tiny-model.ts';

/** Models of text and images: their text part trains, scores and adapts as Transformers and PEFT have it inside the whole (fixtures/text-part). */
const FIXTURES = join(import.meta.dirname, 'fixtures', 'text-part');
const temporary = temporaryFolder();
afterAll(temporary.remove);

interface Expected {
  readonly ids: number[];
  readonly logps: number[];
  readonly adapted: number[];
}
const expected = JSON.parse(readFileSync(join(FIXTURES, 'expected.json'), 'utf8')) as Expected;

type Json = Record<string, unknown>;

/** The recorded model with a tokenizer of another, whose ids it has no rows for but never sees. */
async function opened(name: string, change: (config: Json) => Json = (config) => config): Promise<OpenedModel> {
  const path = join(temporary.path, name);
  const donor = await writeTinyModel(join(temporary.path, `${name}-tokenizer`), { layers: 1 });
  cpSync(join(FIXTURES, 'gemma3'), path, { recursive: true });
  const json = JSON.parse(readFileSync(join(donor, 'tokenizer.json'), 'utf8')) as { model: Json; added_tokens: Json[] };
  const vocab = Object.fromEntries(
    Object.entries(json.model['vocab'] as Record<string, number>).filter(([, id]) => id < 60),
  );
  const added = json.added_tokens.map((token, i) => ({ ...token, id: 60 + i }));
  writeFileSync(
    join(path, 'tokenizer.json'),
    JSON.stringify({ ...json, added_tokens: added, model: { ...json.model, vocab } }),
  );
  const config = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8')) as Json;
  writeFileSync(join(path, 'config.json'), JSON.stringify(change(config)));
  return openModel(path);
}

const scored = ({ config, files }: OpenedModel, adapter?: Awaited<ReturnType<typeof readAdapter>>) =>
  sampleLogps({ config, checkpoint: files.checkpoint, ...(adapter === undefined ? {} : { adapter }) }, [expected], {
    threads: 1,
  });

test('the text of a Gemma 3 with images scores as in the whole, under the names of a Gemma 3 of text, and what is left out is named', async () => {
  const model = await opened('whole');
  expect(model.config.family).toBe('gemma3_text');
  expect([...model.files.checkpoint.entries.keys()].toSorted()).toEqual(
    parameterSpecs(model.config)
      .map(({ name }) => name)
      .toSorted(),
  );
  expect(largestDifference(await scored(model), expected.logps)).toBeLessThan(1e-5);
  expect(model.notes).toEqual([
    'Gemma3ForConditionalGeneration: its text part is used, as a Gemma3ForCausalLM; what is trained or exported has no ' +
      'multi_modal_projector and no vision_tower (34 tensors are left out)',
  ]);
  expect([model.files.config['architectures'], model.files.config['vision_config']]).toEqual([
    ['Gemma3ForCausalLM'],
    undefined,
  ]);
  await model.files.close();
});

/** A config.json whose text_config leaves out what Transformers assumes. */
function bare(config: Json): Json {
  const { num_attention_heads: _heads, vocab_size: _size, ...rest } = config['text_config'] as Json;
  return { ...config, text_config: rest };
}

test('sizes that text_config leaves out are those that Transformers assumes', async () => {
  const model = await opened('bare', bare);
  expect([model.config.heads, model.config.vocabularySize]).toEqual([8, 262_208]);
  await model.files.close();
});

test('a quantised whole and another text part are refused by name', async () => {
  const quantised = opened('quantised', (config) => ({ ...config, quantization_config: { bits: 4 } }));
  await expect(quantised).rejects.toThrow('config.json: quantization_config must be null, got {"bits":4}');
  const other = opened('other', (config) => ({ ...config, text_config: { model_type: 'llama' } }));
  await expect(other).rejects.toThrow('model_type "gemma3" is a model of images or sound beside text');
});

test('an adapter that PEFT made over the whole is read, and written again under the names that PEFT looks for', async () => {
  const model = await opened('adapted');
  const adapter = await readAdapter(join(FIXTURES, 'adapter'), model.config, model.files.checkpoint);
  expect(largestDifference(await scored(model, adapter), expected.adapted)).toBeLessThan(1e-5);
  expect(largestDifference(expected.adapted, expected.logps)).toBeGreaterThan(0.1);

  const path = join(temporary.path, 'written');
  await writeAdapter(path, {
    adapter: { ...adapter, peftConfig: { ...adapter.peftConfig, target_modules: ['q_proj', 'model.embed_tokens'] } },
    config: model.config,
    read: async (name) => adapter.weights.get(name)!.data as Float32Array,
  });
  const written = await openSafetensorsFile(join(path, 'adapter_model.safetensors'));
  const recorded = await openSafetensorsFile(join(FIXTURES, 'adapter', 'adapter_model.safetensors'));
  expect([...written.entries.keys()].toSorted()).toEqual([...recorded.entries.keys()].toSorted());
  const settings = JSON.parse(readFileSync(join(path, 'adapter_config.json'), 'utf8')) as Json;
  expect(settings['target_modules']).toEqual(['q_proj', 'model.language_model.embed_tokens']);
  expect(settings['exclude_modules']).toBe(String.raw`.*(?:vision_tower|multi_modal_projector)\..*`);
  const again = await readAdapter(path, model.config, model.files.checkpoint);
  expect(await scored(model, again)).toEqual(await scored(model, adapter));
  await Promise.all([written.close(), recorded.close(), model.files.close()]);
});

test('names of older files, and of the class itself, are the same weights', () => {
  expect(
    ['language_model.model.embed_tokens.weight', 'model.language_model.embed_tokens.weight'].map(textName),
  ).toEqual([EMBEDDING_NAME, EMBEDDING_NAME]);
  expect(['lm_head.weight', 'language_model.lm_head.weight', 'vision_tower.x.weight'].map(textName)).toEqual([
    'lm_head.weight',
    'lm_head.weight',
    undefined,
  ]);
});

test.each(['ministral3', 'mistral'])('of a Mistral 3 whose text is a %s it is that', async (recording) => {
  const folder = join(import.meta.dirname, 'fixtures', 'models', recording);
  const files = await openModelFiles(folder);
  const entries = new Map(
    [...files.checkpoint.entries].map(([alone, entry]) => {
      const name = `language_model.${alone}`;
      return [name, { ...entry, name }];
    }),
  );
  const { files: text, textPath } = textPart({
    ...files,
    config: {
      model_type: 'mistral3',
      architectures: ['Mistral3ForConditionalGeneration'],
      text_config: { ...files.config, architectures: undefined },
      tie_word_embeddings: false,
      vision_config: { model_type: 'pixtral' },
    },
    checkpoint: { ...files.checkpoint, entries },
  });
  expect(parseModelConfig(text.config)).toEqual(parseModelConfig(files.config));
  expect([...text.checkpoint.entries.keys()]).toEqual([...files.checkpoint.entries.keys()]);
  expect(textPath).toBe('model.language_model');
  await files.close();
});
