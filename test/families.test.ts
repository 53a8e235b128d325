import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { ggufConfig, ggufDialect } from '../src/export/gguf/gguf-config.ts';
import { ggufTensors } from '../src/export/gguf/gguf-tensors.ts';
import type { MergedModel } from '../src/export/merged-model.ts';
import { openModelFiles, writeGguf } from '../src/formats/index.ts';
import { interpret } from '../src/interpret/index.ts';
import {
  FAMILIES,
  GGUF_ARCHITECTURES,
  huggingFaceName,
  MODEL_FAMILIES,
  nameInGguf,
  normShift,
  parameterSpecs,
  parseModelConfig,
  type ModelConfig,
  type ModelFamily,
} from '../src/models/index.ts';
import { optimise } from '../src/passes/index.ts';
import { GGUF_PRE_TOKENIZERS } from '../src/tokenizer/index.ts';
import {
  checkAdapters,
  checkCached,
  checkForward,
  checkGradients,
  checkKls,
  checkPacked,
  randomWeights,
} from './support/family-checks.ts';
import { ASSUMING_SIZES, FAMILY_CASES, TINY_SIZES, type FamilyCase, type Json } from './support/family-cases.ts';
import { fixtureError, largestDifference, loadModelFixture, MODEL_FIXTURES } from './support/model-fixtures.ts';
import { temporaryFolder } from './support/tiny-model.ts';

/** What every family must hold. A family is entered in test/support/family-cases.ts; nothing here knows of one. */
const FIXTURES = join(import.meta.dirname, 'fixtures', 'models');
const { path: folder, remove } = temporaryFolder();
afterAll(remove);

function readConfig(recording: string, name: string): Json {
  return JSON.parse(readFileSync(join(FIXTURES, recording, name), 'utf8')) as Json;
}

const ALL = MODEL_FAMILIES.map((name): [ModelFamily, FamilyCase] => [name, FAMILY_CASES[name]]);

test('every recording belongs to a family, and every family has one', () => {
  const recordings = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'config.json')));
  expect(ALL.flatMap(([, one]) => one.recordings).toSorted()).toEqual(recordings.toSorted());
  expect(
    ALL.filter(([, { recordings: own }]) => own.length === 0).map(
      ([name]) => `${name} has nothing recorded from Transformers: make a folder with test/fixtures/models/record.py`,
    ),
  ).toEqual([]);
});

describe.each(ALL)('%s: config.json', (family, { defaults, recordings, theta = 1e4, stretched }) => {
  it('assumes what Transformers assumes', () => {
    const { rope, ...parsed } = parseModelConfig({ model_type: family, ...ASSUMING_SIZES });
    expect(parsed).toEqual({ family, ...defaults });
    expect(rope.frequencies.length).toBe(defaults.headSize / 2);
    expect(rope.frequencies.at(-1)).toBeCloseTo(theta ** (2 / defaults.headSize - 1) / (stretched?.factor ?? 1), 12);
    expect([rope.scale, rope.positionLimit]).toEqual([1, stretched?.positionLimit ?? Infinity]);
  });

  it('takes null key/value heads for as many as heads', () => {
    const config = { model_type: family, ...ASSUMING_SIZES, num_key_value_heads: null };
    expect(parseModelConfig(config).keyValueHeads).toBe(64);
  });

  it.each(recordings)('%s: the older and the newer form are one model of this family', (recording) => {
    const parsed = parseModelConfig(readConfig(recording, 'config.json'));
    expect(parsed.family).toBe(family);
    expect(parseModelConfig(readConfig(recording, 'config.legacy.json'))).toEqual(parsed);
  });

  it.each(recordings)('%s: has the weights that Transformers saved, by name and shape', async (recording) => {
    const { checkpoint, close } = await openModelFiles(join(FIXTURES, recording));
    const specs = parameterSpecs(parseModelConfig(readConfig(recording, 'config.json')));
    const wanted = Object.fromEntries(specs.map(({ name, shape }) => [name, [...shape]]));
    const saved = Array.from(checkpoint.entries.values(), ({ name, shape }) => [name, [...shape]]);
    expect(Object.fromEntries(saved)).toEqual(wanted);
    await close();
  });
});

/**
 * The forward pass and gradients against Transformers (test/fixtures/models/record.py): logits within 1e-4, gradients within 1e-4 of the largest
 * element, in the float64 interpreter, before and after every pass.
 */
describe.each(MODEL_FIXTURES)('%s', (recording) => {
  it('gives the logits, log-probabilities and gradients of Transformers', async () => {
    const fixture = await loadModelFixture(recording);
    const { source, inputs } = fixture;
    const plain = interpret(source, inputs);
    for (const [name, { data }] of Object.entries(plain))
      expect(fixtureError(name, data, fixture), name).toBeLessThan(1e-4);

    const { body } = optimise(source, {
      hints: { T: 512, C: 200, U: 200 },
      recompute: { forwardOutputs: ['logits', 'logps'], budgetBytes: 0 },
    });
    const rest = interpret(body, inputs);
    for (const [name, { data }] of Object.entries(plain)) {
      // Scalar factors that a pass joins are rounded to float32, by at most 2^-24 of a term.
      const scale = Math.max(1, ...data.map(Math.abs));
      expect(largestDifference(rest[name]!.data, data) / scale, `${name} after passes`).toBeLessThan(2 ** -24);
    }
  });
});

const VARIANTS = ALL.flatMap(([family, { variants }]) =>
  Object.entries(variants).map(([name, fields]) => ({ family, name, fields })),
);

describe.each(VARIANTS)('$family, $name', ({ family, fields }) => {
  const json = { model_type: family, ...TINY_SIZES, ...fields };
  const config = parseModelConfig(json);

  it('computes what plain loops compute, before and after the passes', () => checkForward(config));
  it('measures KL as the sum over the vocabulary', () => checkKls(config));
  it('has gradients that central differences have', () => checkGradients(config));
  it('scores packed answers as sequences of their own', () => checkPacked(config));
  it('decodes over a cache as it reads a text at once', () => checkCached(config));
  it('takes an adapter on every matrix, beside the weights and inside them', () => checkAdapters(config));

  it('has a GGUF name for every weight, and the weight for the name', () => {
    const names = parameterSpecs(config).map(({ name }) => name);
    const inGguf = names.map((name) => nameInGguf(family, name));
    expect(inGguf.map((name) => name && huggingFaceName(family, name))).toEqual(names);
    expect(new Set(inGguf).size).toBe(names.length);
  });

  it('reads back from a GGUF file with the same configuration and weights', () => checkGguf(config, json));
});

async function checkGguf(config: ModelConfig, json: Json): Promise<void> {
  const weights = randomWeights(config);
  const readFloat32 = (name: string): Promise<Float32Array<ArrayBuffer>> => Promise.resolve(weights[name]!.data);
  const model = { config, json, checkpoint: { readFloat32 } } as unknown as MergedModel;
  const path = join(folder, 'model.gguf');
  await writeGguf(path, {
    metadata: new Map([
      ['general.architecture', { type: 'string', value: ggufDialect(config).architecture }],
      ...ggufConfig(model),
      ['tokenizer.ggml.model', { type: 'string', value: 'none' }],
    ]),
    tensors: ggufTensors(model, 'F32'),
  });
  const back = await openModelFiles(path);
  const found = parseModelConfig(back.config);
  // A file has no room for which layers have a window; without one Mistral is written as Llama; the rope is float32.
  const { hasWindows = false } = FAMILIES[config.family].gguf;
  const untold = { ...(hasWindows ? {} : { slidingWindow: 0 }), rope: 0, layerRopes: 0, family: 0 };
  expect({ ...found, ...untold }).toEqual({ ...config, ...untold });
  expect(found.layerRopes?.length).toBe(config.layerRopes?.length);
  for (const [layer, rope] of [config.rope, ...(config.layerRopes ?? [])].entries()) {
    const read = layer === 0 ? found.rope : found.layerRopes![layer - 1];
    expect(largestDifference(read?.frequencies ?? [], rope?.frequencies ?? [])).toBeLessThan(1e-6);
    expect(read?.scale ?? 0).toBeCloseTo(rope?.scale ?? 0, 6);
    expect(read?.positionLimit).toBe(rope?.positionLimit);
  }
  for (const [name, { data }] of Object.entries(weights)) {
    const values = await back.checkpoint.readFloat32(name);
    // What is added to a norm's weight in the file costs it the last bits.
    if (normShift(config.family, name) === 0) expect(values, name).toEqual(data);
    else expect(largestDifference(values, data), name).toBeLessThan(3e-7);
  }
  await back.close();
}

test('of the families that share a GGUF architecture one takes what the others do not claim', () => {
  const open = Object.values(FAMILIES).filter(({ gguf }) => gguf.claims === undefined);
  expect(open.map(({ gguf }) => gguf.architecture).toSorted()).toEqual(GGUF_ARCHITECTURES.toSorted());
});

test.each(ALL)(
  '%s: a file of GGUF is refused for a model whose activation it does not stand for',
  (family, { variants }) => {
    const json = { model_type: family, ...TINY_SIZES, ...Object.values(variants)[0] };
    const config = parseModelConfig(json);
    const { field, words } = FAMILIES[family].activation;
    const [word] = Object.keys(words);
    const activation = config.activation === 'silu' ? 'gelu_tanh' : 'silu';
    const model = { config: { ...config, activation }, json } as unknown as MergedModel;
    expect(() => ggufConfig(model)).toThrow(
      `gguf: ${field} must be ${word}, which a file of ${family} stands for, got ${activation}; use --to hf or onnx`,
    );
  },
);

test('the pre-tokenizers that families name are known', () => {
  const names = Object.values(FAMILIES).flatMap(({ gguf }) => gguf.preTokenizers);
  expect(names.filter((name) => !GGUF_PRE_TOKENIZERS.has(name))).toEqual([]);
});
