import { expect, test } from 'vitest';
import { type RowSet, type TokenizedCompletion, type TokenizedPair, packedLength } from '../data/index.ts';
import { parseModelConfig } from '../models/index.ts';
import { checkPositions, longestRow, positionsOf } from './positions.ts';

function configOf(extra: Readonly<Record<string, unknown>>) {
  return parseModelConfig({
    model_type: 'llama',
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    vocab_size: 16,
    ...extra,
  });
}

function pair(
  id: string,
  lengths: readonly [prompt: number, chosen: number, rejected: number, other?: number],
): TokenizedPair {
  const [prompt, chosen, rejected] = lengths.slice(0, 3).map((length) => new Int32Array(length!)) as [
    TokenizedPair['prompt'],
    TokenizedPair['prompt'],
    TokenizedPair['prompt'],
  ];
  const made = { id, prompt, chosen, rejected };
  return lengths[3] === undefined ? made : { ...made, rejectedPrompt: new Int32Array(lengths[3]) };
}

function lengthOf(row: TokenizedPair | TokenizedCompletion): number {
  return 'completion' in row ? positionsOf(row) : packedLength(row);
}

function setOf<T extends TokenizedPair | TokenizedCompletion>(rows: readonly T[]): RowSet<T> {
  return {
    count: rows.length,
    fingerprint: '',
    row: (index) => rows[index]!,
    lengths: Int32Array.from(rows, lengthOf),
    sequenceCounts: new Int32Array(rows.length).fill(1),
    promptHashes: new Float64Array(rows.length),
    margins: new Float64Array(),
    weights: new Float64Array(),
  };
}

test('a pair needs the positions of its longer conversation, not of its packed row', () => {
  expect(positionsOf(pair('a', [3, 5, 2]))).toBe(8);
  expect(positionsOf(pair('a', [3, 2, 5]))).toBe(8);
  expect(positionsOf(pair('a', [3, 5, 2, 7]))).toBe(9);
  expect(positionsOf({ id: 'c', prompt: new Int32Array(0), completion: new Int32Array(6) })).toBe(6);
  expect(() =>
    checkPositions(setOf([pair('a', [4, 6, 6])]), { model: configOf({ max_position_embeddings: 10 }) }, 'train'),
  ).not.toThrow();
});

test('rows that are too long are counted, with the longest and what to do', () => {
  const rows = setOf([pair('1', [4, 6, 6]), pair('2', [4, 7, 6]), pair('3', [4, 1, 9]), pair('4', [4, 1, 1])]);
  expect(() => checkPositions(rows, { model: configOf({ max_position_embeddings: 10 }) }, 'train')).toThrow(
    "train: rows must fit the model's 10 positions (max_position_embeddings), 2 of 4 have more tokens, the longest 13 (row 3); pass --max-length 10",
  );
  const one = setOf([{ id: 'text', prompt: new Int32Array(2), completion: new Int32Array(9) }]);
  expect(() => checkPositions(one, { model: configOf({ max_position_embeddings: 10 }) }, 'held-out')).toThrow(
    "held-out: rows must fit the model's 10 positions (max_position_embeddings), 1 of 1 has more tokens, the longest 11 (row text); pass --max-length 10",
  );
});

test('rows are cut to what is asked for, else to 1,024 tokens or the fewest positions of the models', () => {
  const [long, short] = [configOf({ max_position_embeddings: 4096 }), configOf({ max_position_embeddings: 512 })];
  expect(longestRow(undefined, [long, undefined])).toBe(1024);
  expect(longestRow(undefined, [long, short])).toBe(512);
  expect(longestRow(2048, [long, short])).toBe(2048);
});

test('a reference of fewer positions is named beside the model', () => {
  const [model, reference] = [configOf({ max_position_embeddings: 12 }), configOf({ max_position_embeddings: 10 })];
  const check = (length: number) => () =>
    checkPositions(setOf([pair('1', [4, length, 1])]), { model, reference }, 'train');
  expect(check(6)).not.toThrow();
  expect(check(7)).toThrow(
    /^train: rows must fit the reference's 10 positions \(max_position_embeddings\), 1 of 1 has more tokens, the longest 11 \(row 1\); pass --max-length 10$/,
  );
  expect(check(9)).toThrow(
    /^train: rows must fit the model's 12 positions .*\ntrain: rows must fit the reference's 10 /,
  );
});

test('dynamic rotary embeddings end where their frequencies would change', () => {
  const config = configOf({ max_position_embeddings: 16, rope_scaling: { type: 'dynamic', factor: 2 } });
  expect(config.rope.positionLimit).toBe(16);
  expect(() => checkPositions(setOf([pair('1', [1, 15, 1])]), { model: config }, 'train')).not.toThrow();
  expect(() => checkPositions(setOf([pair('1', [1, 16, 1])]), { model: config }, 'train')).toThrow(
    "train: rows must fit the model's 16 positions",
  );
});

test('a longrope ends where its long factors would begin', () => {
  const config = parseModelConfig({
    model_type: 'phi3',
    hidden_size: 8,
    intermediate_size: 4,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    vocab_size: 4,
    max_position_embeddings: 64,
    original_max_position_embeddings: 16,
    rope_scaling: { type: 'su', short_factor: [1, 1], long_factor: [2, 2] },
  });
  expect(longestRow(undefined, [config])).toBe(16);
  expect(() => checkPositions(setOf([pair('1', [1, 15, 1])]), { model: config }, 'train')).not.toThrow();
  expect(() => checkPositions(setOf([pair('1', [1, 16, 1])]), { model: config }, 'train')).toThrow(
    "train: rows must fit the model's 16 positions (original_max_position_embeddings; beyond them the model computes with another rope), " +
      '1 of 1 has more tokens, the longest 17 (row 1); pass --max-length 16',
  );
});
