import { expect, test } from 'vitest';
import { hashOfPrompt, memorySource, type DataSource } from '../data/index.ts';
import { checkTrainingData, trainingDataText } from './check-training.ts';
import { checkReliability } from './check.ts';

const ANIMALS = ['llama', 'owl', 'crab', 'newt', 'hare', 'bee', 'swan', 'mole', 'toad', 'wren', 'carp', 'lynx'];

/** Pairs whose better answer is longer in all rows but every `turned`th. */
function pairs(count: number, turned = Infinity): object[] {
  return Array.from({ length: count }, (_, i) => {
    const animal = `${ANIMALS[i % ANIMALS.length]!} number ${i}`;
    const [long, short] = [
      `The ${animal} lives near ${i * 7} trees and sleeps in ${i * 3} beds.`,
      `No ${animal}, ${i}.`,
    ];
    const isTurned = (i + 1) % turned === 0;
    return { prompt: `Where does ${animal} live?`, chosen: isTurned ? short : long, rejected: isTurned ? long : short };
  });
}

const sourceOf = (rows: readonly object[], name = 'pairs.jsonl'): DataSource =>
  memorySource(name, rows.map((row) => JSON.stringify(row)).join('\n'));

test('serious findings and warnings, as data check says them', async () => {
  const rows = [...pairs(60), ...pairs(6)];
  const source = [sourceOf(rows)];
  const check = await checkTrainingData(source, { rows: rows.length });
  const whole = await checkReliability(source);
  expect(check.findings).toEqual(whole.findings.filter(({ severity }) => severity !== 'note'));
  expect(check.findings.map((finding) => trainingDataText(finding, check))).toEqual([
    '"pick the longer answer" is right in 100.0 % (94.5 % to 100.0 %) of 66 pairs where it decides, of 66; a model can win by length alone: balance the pairs, use a loss that counts per token, and compare lengths before and after training',
    '6 rows (9.1 %) repeat an earlier row word for word; remove the copies: preftune data clean --apply duplicates',
  ]);
});

test('sound rows are left alone', async () => {
  const rows = pairs(60, 2);
  expect((await checkTrainingData([sourceOf(rows)], { rows: 60 })).findings).toEqual([]);
});

test('prompts on both sides: of a file apart, and nearly the same ones of a split', async () => {
  const rows = pairs(40, 2);
  const apart = await checkTrainingData([sourceOf(rows)], {
    rows: 40,
    heldOut: [sourceOf(rows.slice(0, 4), 'held.jsonl')],
  });
  expect(apart.findings.map(({ kind, count }) => [kind, count])).toEqual([['leakage', 4]]);
  // The same question with a word more, held out.
  const asked =
    'Please tell me in some detail where the old grey llama of the northern farm lives in the winter months';
  const near = [
    { prompt: `${asked}?`, chosen: 'In the barn.', rejected: 'Out on the hill.' },
    { prompt: `${asked}, thanks?`, chosen: 'Up in the valley.', rejected: 'By the lake.' },
  ];
  const heldOutPrompts = new Set([hashOfPrompt(`${asked}, thanks?`)]);
  const split = await checkTrainingData([sourceOf([...rows, ...near])], { rows: 42, heldOutPrompts });
  expect(split.findings.map(({ kind, sentence }) => [kind, sentence])).toEqual([
    ['leakage', '1 row (2.4 %) has a prompt of the held-out data: 0 rows the same, 1 row nearly'],
  ]);
});

test('of many rows every so many are looked at, and that is said', async () => {
  const rows = pairs(300);
  const check = await checkTrainingData([sourceOf(rows)], { rows: 300, mostRows: 100 });
  expect(check.stride).toBe(3);
  expect(trainingDataText(check.findings[0]!, check)).toMatch(
    /^of one row in 3: "pick the longer answer" is right in 100\.0 % \(96\.3 % to 100\.0 %\) of 100 pairs/,
  );
});
