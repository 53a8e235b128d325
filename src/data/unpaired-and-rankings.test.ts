import { describe, expect, test } from 'vitest';
import { loadUnpaired } from './load-unpaired.ts';
import { loadRankings } from './load-rankings.ts';
import { mismatchPartners, withMismatches } from './tokens/mismatches.ts';
import { orderAnswers } from './order-ranking.ts';
import { packedRankingLength, packRankings } from './tokens/packing.ts';
import type { RankedAnswer, RankingRow } from './row.ts';
import { memorySource } from './sources/source.ts';
import { createTestingTokenizer } from './testing/testing-tokenizer.ts';

const tokenizer = createTestingTokenizer();
const ids = (...values: number[]) => Int32Array.from(values);
const lines = (...records: unknown[]) =>
  memorySource('d.jsonl', records.map((record) => JSON.stringify(record)).join('\n'));

function hashes(...values: number[]) {
  return { promptHashes: Float64Array.from(values) };
}

function ranking(answers: readonly Partial<RankedAnswer>[]): RankingRow {
  return {
    id: 'r',
    origin: { file: 'f', line: 1 },
    prompt: 'p',
    answers: answers.map((answer, i) => ({ content: `answer ${i}`, ...answer })),
  };
}
function order(row: RankingRow, rule: 'order' | 'best') {
  const { answers, tied } = orderAnswers(row, rule);
  return [answers.map(({ content }) => Number(String(content).slice(-1))), tied];
}

describe('unpaired answers', () => {
  test('with labels, as they stand; a pair becomes two', async () => {
    const labelled = [
      { prompt: 'ab', completion: 'c', label: true },
      { id: 'x', prompt: 'ab', completion: 'd', label: false },
    ];
    const { rows, notes } = await loadUnpaired(lines(...labelled), { tokenizer });
    expect([rows.row(0), rows.row(1)]).toEqual([
      { id: '1', prompt: ids(256, 97, 98), completion: ids(99, 257), label: 1 },
      { id: 'x', prompt: ids(256, 97, 98), completion: ids(100, 257), label: 0 },
    ]);
    expect([notes, [...rows.lengths], rows.promptHashes[0] === rows.promptHashes[1]]).toEqual([[], [5, 5], true]);
    const pair = await loadUnpaired(lines({ id: 'p', prompt: 'ab', chosen: 'c', rejected: 'd' }), { tokenizer });
    expect(
      [pair.rows.row(0), pair.rows.row(1)].map(({ id, completion, label }) => [id, [...completion], label]),
    ).toEqual([
      ['p/chosen', [99, 257], 1],
      ['p/rejected', [100, 257], 0],
    ]);
    expect(pair.notes).toEqual(['1 pair became a desirable and one undesirable answer each']);
  });

  test('the answer of the row before, where it has another prompt; else the nearest that has', () => {
    expect([
      ...mismatchPartners(hashes(1, 2, 3, 4), [
        [0, 1],
        [2, 3],
      ]),
    ]).toEqual([1, 0, 3, 2]);
    // Rows 0 and 1 share a prompt: row 1 takes the nearest before in the order of all batches, which is the last.
    expect([...mismatchPartners(hashes(1, 1, 2, 3), [[0, 1, 2, 3]])]).toEqual([3, 3, 1, 2]);
    expect([...mismatchPartners(hashes(1, 1, 1), [[0, 1, 2]])]).toEqual([2, 0, 1]);
    // A batch of one prompt alone looks outside.
    expect([
      ...mismatchPartners(hashes(1, 1, 2, 2), [
        [0, 1],
        [2, 3],
      ]),
    ]).toEqual([3, 3, 1, 1]);
  });

  test('what stands behind the prompt is cut to fit, and is in lengths and fingerprint', async () => {
    const records = [
      { prompt: 'a', completion: 'bcdefgh', label: true },
      { prompt: 'x', completion: 'y', label: false },
    ];
    const { rows } = await loadUnpaired(lines(...records), { tokenizer });
    const complete = withMismatches(rows, { batches: [[0, 1]], maxLength: 6 });
    const [first, second] = [complete.row(0), complete.row(1)];
    expect(first.mismatched).toEqual({ id: '1 with the answer of 2', prompt: first.prompt, completion: ids(121, 257) });
    expect(second.mismatched!.completion).toEqual(ids(98, 99, 100, 101));
    expect([...complete.lengths]).toEqual([rows.lengths[0], 6]);
    expect(complete.fingerprint).not.toBe(rows.fingerprint);
    expect(withMismatches(rows, { batches: [[0, 1]], maxLength: 7 }).fingerprint).not.toBe(complete.fingerprint);
  });
});

describe('lists', () => {
  test('best first by rank, else by score; ties go by the rule', () => {
    expect(order(ranking([{ rank: 2 }, { rank: 1 }, { rank: 3 }]), 'order')).toEqual([[1, 0, 2], 0]);
    const tied = ranking([{ score: 1 }, { score: 5 }, { score: 1 }, { score: 5 }]);
    expect(order(tied, 'order')).toEqual([[1, 0], 2]);
    // The second best one is left out, the two bad ones stay.
    expect(order(tied, 'best')).toEqual([[1, 0, 2], 1]);
    expect(() => orderAnswers(ranking([{ score: 1 }, { score: 1 }, { score: 1 }]), 'order')).toThrow(
      'a ranking needs two answers of which one is better, got 3 that all tie; give them, or skip the row (--lenient)',
    );
    expect(() => orderAnswers(ranking([{ score: 1 }, {}, { score: 2 }]), 'best')).toThrow(
      'a ranking needs a rank, or a score, of every answer, got 3 answers without',
    );
  });

  test('a pair is a ranking of two; unpaired answers are refused', async () => {
    const pairs = await loadRankings(lines({ prompt: 'ab', chosen: 'c', rejected: 'd' }), { tokenizer, ties: 'order' });
    expect(pairs.rows.row(0).answers.map((answer) => [...answer.ids])).toEqual([
      [99, 257],
      [100, 257],
    ]);
    expect([...pairs.rows.lengths]).toEqual([7]);
    const single = lines({ prompt: 'ab', completion: 'c', label: true });
    await expect(loadRankings(single, { tokenizer, ties: 'best' })).rejects.toThrow(
      'rows must be rankings, got unpaired answers; take an objective of unpaired answers (--objective kto)',
    );
  });

  test('one sequence with the prompt once, owners list * width + place; another prompt is another sequence', () => {
    const prompt = ids(10, 11);
    const list = {
      id: 'a',
      prompt,
      answers: [
        { prompt, ids: ids(20, 21) },
        { prompt: ids(12), ids: ids(22) },
        { prompt, ids: ids(30) },
      ],
    };
    const { tokens, positions, owners, targets, branches } = packRankings([list], 4);
    expect([...tokens]).toEqual([10, 11, 20, 21, 30, 12, 22]);
    expect([...positions]).toEqual([0, 1, 2, 3, 2, 0, 1]);
    expect([...branches]).toEqual([0, 0, 1, 1, 2, 3, 4]);
    expect([...targets]).toEqual([20, 21, 30, 22]);
    expect([...owners]).toEqual([0, 0, 2, 1]);
    expect(packedRankingLength(list)).toBe(7);
    expect(() => packRankings([list], 2)).toThrow('packRankings: row a must have at most 2 answers, got 3');
  });
});
