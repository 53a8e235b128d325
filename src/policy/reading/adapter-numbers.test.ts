import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../test/support/tiny-model.ts';
import { PreftuneError } from '../../core/index.ts';
import { openModelFiles, writeAdapterFolder } from '../../formats/index.ts';
import { parseModelConfig } from '../../models/index.ts';
import { readAdapter } from '../index.ts';
import { patternValue } from './adapter-numbers.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const files = await openModelFiles(join(import.meta.dirname, '../../../test/fixtures/models/llama2'));
const config = parseModelConfig(files.config);
await files.close();
const WIDTH = config.hiddenSize;
const Q = [0, 1].map((layer) => `model.layers.${layer}.self_attn.q_proj`);
const PEFT = { peft_type: 'LORA', r: 4, lora_alpha: 8, target_modules: ['q_proj'] };

let count = 0;
/** A folder with adapters on q_proj of both layers, of these ranks of A and B. */
async function adapterFolder(fields: object, ranks: readonly (readonly [a: number, b: number])[]): Promise<string> {
  const path = join(folder.path, `${count++}`);
  const tensors = ranks.flatMap(([a, b], layer) => [
    { name: `base_model.model.${Q[layer]}.lora_A.weight`, shape: [a, WIDTH] },
    { name: `base_model.model.${Q[layer]}.lora_B.weight`, shape: [WIDTH, b] },
  ]);
  await writeAdapterFolder(path, {
    config: { ...PEFT, ...fields },
    tensors: tensors.map(({ name, shape }) => ({
      name,
      shape,
      read: async () => new Float32Array(shape[0]! * shape[1]!),
    })),
  });
  return path;
}

async function refusal(
  fields: object,
  ranks: readonly (readonly [a: number, b: number])[],
): Promise<readonly string[]> {
  const path = await adapterFolder(fields, ranks);
  const thrown = await readAdapter(path, config).catch((failure: unknown) => failure);
  if (!(thrown instanceof PreftuneError)) throw new Error('it must be refused, and it was not', { cause: thrown });
  for (const { file } of thrown.problems) expect(file).toBe(path);
  return thrown.problems.map(({ message }) => message);
}

const UNKNOWN =
  'the scale of the adapter is not known: take the adapter_config.json that was saved with these tensors, or name the true ranks in r or rank_pattern';
const mixed = (a: number, b: number): string =>
  `lora_A and lora_B must have one rank, got A of rank ${a} and B of rank ${b}; the file is damaged or mixed from two adapters: save the adapter again`;
const FOUR = [
  [4, 4],
  [4, 4],
] as const;

describe('ranks', () => {
  it('of the configuration that are not those of the tensors are refused, as PEFT refuses them', async () => {
    expect(await refusal({ r: 1024 }, FOUR)).toEqual([
      `${Q[0]} and 1 more: r must be the rank of the tensors, got 1024 and tensors of rank 4; ${UNKNOWN}`,
    ]);
    expect(await refusal({ r: 4, rank_pattern: { 'layers.1.self_attn.q_proj': 8 } }, FOUR)).toEqual([
      `${Q[1]}: rank_pattern must be the rank of the tensors, got 8 and tensors of rank 4; ${UNKNOWN}`,
    ]);
    // The first key that matches counts.
    expect(await refusal({ r: 8, rank_pattern: { q_proj: 2, 'self_attn.q_proj': 4 } }, FOUR)).toEqual([
      `${Q[0]} and 1 more: rank_pattern must be the rank of the tensors, got 2 and tensors of rank 4; ${UNKNOWN}`,
    ]);
    // A key that matches nothing leaves r in force: `proj` does not stand behind a point.
    expect(await refusal({ r: 8, rank_pattern: { proj: 4 } }, FOUR)).toEqual([
      `${Q[0]} and 1 more: r must be the rank of the tensors, got 8 and tensors of rank 4; ${UNKNOWN}`,
    ]);
  });

  it('of A and B that differ are refused, whichever the configuration has', async () => {
    for (const r of [4, 8])
      expect(
        await refusal({ r }, [
          [4, 8],
          [r, r],
        ]),
      ).toEqual([`${Q[0]}: ${mixed(4, 8)}`]);
    expect(
      await refusal({}, [
        [4, 8],
        [8, 4],
      ]),
    ).toEqual([`${Q[0]}: ${mixed(4, 8)}`, `${Q[1]}: ${mixed(8, 4)}`]);
  });

  it.each([
    // alpha / rank: 8 / 4, and 5 / 2 where both patterns are the module's; alpha / sqrt(rank): 8 / 2, 5 / sqrt(2)
    { fields: {}, scales: [2, 2.5] },
    { fields: { use_rslora: true }, scales: [4, 5 / Math.SQRT2] },
    { fields: { r: 1024, rank_pattern: { 'layers\\.1\\..*': 2, q_proj: 4 } }, scales: [2, 2.5] },
  ])('that rank_pattern names are loaded with their scale, $fields', async ({ fields, scales }) => {
    const given = { rank_pattern: { 'layers.1.self_attn.q_proj': 2 }, alpha_pattern: { 'model.layers.1.*': 5 } };
    const path = await adapterFolder({ ...given, ...fields }, [
      [4, 4],
      [2, 2],
    ]);
    const { lora } = await readAdapter(path, config);
    expect(lora.targets).toEqual(Q.map((module, i) => ({ path: module, rank: [4, 2][i], scale: scales[i] })));
  });

  it('of a text part may be named by its paths of today and of before', () => {
    for (const prefix of ['model', 'model.language_model', 'language_model.model'])
      expect(patternValue({ [`^${prefix}.layers.1.self_attn.q_proj`]: 2, q_proj: 3 }, Q[1]!)).toBe(2);
  });
});

it.each([
  [{ r: 0 }, 'r must be a whole number above 0, got 0'],
  [{ r: 4.5 }, 'r must be a whole number above 0, got 4.5'],
  [{ r: '4' }, 'r must be a whole number above 0, got "4"'],
  [{ r: null }, 'r must be a whole number above 0, got null'],
  [{ lora_alpha: 0 }, 'lora_alpha must be a number above 0, got 0'],
  [{ lora_alpha: -8 }, 'lora_alpha must be a number above 0, got -8'],
  [{ lora_alpha: '8' }, 'lora_alpha must be a number above 0, got "8"'],
  [{ lora_alpha: true }, 'lora_alpha must be a number above 0, got true'],
  [{ lora_alpha: 1e-50 }, 'lora_alpha must be a number above 0, got 1e-50'],
  // JSON has no NaN; what is written in its place is null.
  [{ lora_alpha: Number.NaN }, 'lora_alpha must be a number above 0, got null'],
  [{ lora_dropout: 1 }, 'lora_dropout must be a number from 0 to below 1, got 1'],
  [{ lora_dropout: 'none' }, 'lora_dropout must be a number from 0 to below 1, got "none"'],
  [{ alpha_pattern: { q_proj: 0 } }, 'alpha_pattern of "q_proj" must be a number above 0, got 0'],
  [{ alpha_pattern: { k_proj: null } }, 'alpha_pattern of "k_proj" must be a number above 0, got null'],
  [{ rank_pattern: { q_proj: '4' } }, 'rank_pattern of "q_proj" must be a whole number above 0, got "4"'],
  [{ rank_pattern: [4] }, 'rank_pattern must be an object of numbers by module, got [4]'],
  [{ alpha_pattern: 'q_proj' }, 'alpha_pattern must be an object of numbers by module, got "q_proj"'],
])('a number that gives no scale is refused: %j', async (fields, message) => {
  expect(await refusal(fields, FOUR)).toEqual([message]);
});
