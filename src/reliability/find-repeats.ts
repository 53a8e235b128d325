import { percent } from '../core/index.ts';
import { similarClusters, similarity } from '../statistics/index.ts';
import { cyclicEdges } from './cycles.ts';
import { counted, severityOf, type DataFinding } from './finding.ts';
import { mixKeys } from './ratings.ts';
import { FLAG, forEachGroup, type RowTable } from './row-table.ts';

/** Estimated share of common word triples from which two rows are near-duplicates. */
export const NEAR = 0.8;

/** Duplicates, near-duplicates, contradictions and cycles of preference. */
export function findRepeats(table: RowTable): DataFinding[] {
  const repeats = duplicatesOf(table);
  return [
    ...duplicateFinding(table, repeats),
    ...nearDuplicates(table, repeats),
    ...contradictions(table),
    ...cycles(table),
  ];
}

/** 1 for every row that repeats an earlier one: same prompt, same answers in the same order, judged by the same annotator. */
function duplicatesOf({ count, prompt, first, second, annotator }: RowTable): Uint8Array {
  const keys = Float64Array.from({ length: count }, (_, row) =>
    mixKeys(prompt[row]!, first[row]!, second[row]!, annotator[row]!),
  );
  const repeats = new Uint8Array(count);
  forEachGroup(keys, (rows) => rows.subarray(1).forEach((row) => (repeats[row] = 1)));
  return repeats;
}

function duplicateFinding(table: RowTable, repeats: Uint8Array): DataFinding[] {
  const places = table.place.filter((_, row) => repeats[row] === 1);
  if (places.length === 0) return [];
  const share = places.length / table.count;
  return [
    {
      kind: 'duplicates',
      severity: severityOf(share, { serious: 0.2, warning: 0.01 }),
      count: places.length,
      sentence: `${counted(places.length)} (${percent(share)}) repeat an earlier row word for word`,
      advice: 'remove the copies: preftune data clean --apply duplicates',
      places,
    },
  ];
}

function nearDuplicates(table: RowTable, repeats: Uint8Array): DataFinding[] {
  const { count, prompt, answerSignatures, promptSignatures, place, firstLength, secondLength } = table;
  const hashes = promptSignatures.hashes;
  const promptOf = (row: number): Uint8Array => promptSignatures.bytes.subarray(row * hashes, (row + 1) * hashes);
  const items = itemKeys(table);
  const heads = similarClusters(answerSignatures, {
    threshold: NEAR,
    skip: (row) => repeats[row] === 1 || Math.max(firstLength[row]!, secondLength[row]!) === 0,
    // The same two answers again are a judgement more, or a contradiction.
    accept: (a, b) =>
      items[a] !== items[b] && (prompt[a] === prompt[b] || similarity(promptOf(a), promptOf(b)) >= NEAR),
  });
  const places = place.filter((_, row) => heads[row] !== row);
  if (places.length === 0) return [];
  const share = places.length / count;
  return [
    {
      kind: 'near-duplicates',
      severity: severityOf(share, { serious: 0.3, warning: 0.02 }),
      count: places.length,
      sentence: `${counted(places.length)} (${percent(share)}) nearly repeat an earlier row: about ${100 * NEAR} % of the word triples or more are shared`,
      advice: 'look at some, then keep one of each: preftune data clean --apply near-duplicates',
      places,
    },
  ];
}

/** Rows that prefer A over B where others prefer B over A. What fewer rows say goes; where both are equally many, all go. */
function contradictions(table: RowTable): DataFinding[] {
  const { count, first, flags, second, place } = table;
  const keys = itemKeys(table).map((key, row) => (isDecided(flags[row]!) ? key : -1 - row));
  const involved = new Uint8Array(count);
  const removed = new Uint8Array(count);
  let conflicts = 0;
  forEachGroup(keys, (rows) => {
    const ascending = rows.filter((row) => first[row]! < second[row]!).length;
    if (ascending === 0 || ascending === rows.length) return;
    conflicts++;
    for (const row of rows) {
      involved[row] = 1;
      const own = first[row]! < second[row]! ? ascending : rows.length - ascending;
      if (own * 2 <= rows.length) removed[row] = 1;
    }
  });
  if (conflicts === 0) return [];
  const places = place.filter((_, row) => involved[row] === 1);
  const share = places.length / count;
  return [
    {
      kind: 'contradictions',
      severity: severityOf(share, { serious: 0.01, warning: 0 }),
      count: places.length,
      sentence: `${counted(places.length)} (${percent(share)}) prefer one answer where another row prefers the other, on ${counted(conflicts, 'comparison')}`,
      advice: 'keep what most rows say, drop what is even: preftune data clean --apply contradictions',
      places,
      removable: place.filter((_, row) => removed[row] === 1),
    },
  ];
}

/** Rows of a circle A > B > C > A among the answers to one prompt; plain contradictions are told apart. */
function cycles({ count, prompt, first, second, flags, place }: RowTable): DataFinding[] {
  const involved = new Uint8Array(count);
  let prompts = 0;
  forEachGroup(
    Float64Array.from(prompt, (key, row) => (isDecided(flags[row]!) ? key : -1 - row)),
    (rows) => {
      if (rows.length < 3) return;
      const found = cyclicEdges([...rows].map((row) => [first[row]!, second[row]!] as const));
      if (found.length > 0) prompts++;
      for (const edge of found) involved[rows[edge]!] = 1;
    },
  );
  const places = place.filter((_, row) => involved[row] === 1);
  if (places.length === 0) return [];
  return [
    {
      kind: 'cycles',
      severity: severityOf(places.length / count, { serious: 0.01, warning: 0 }),
      count: places.length,
      sentence: `${counted(places.length)} of ${counted(prompts, 'prompt')} prefer in a circle (A over B, B over C, C over A): no reward can fit them all`,
      advice: 'have one of each circle judged again, or drop them: preftune data clean --apply cycles',
      places,
    },
  ];
}

/** Hashes of the prompt and both answers, the same in either order. */
function itemKeys({ count, prompt, first, second }: RowTable): Float64Array {
  return Float64Array.from({ length: count }, (_, row) =>
    mixKeys(prompt[row]!, Math.min(first[row]!, second[row]!), Math.max(first[row]!, second[row]!)),
  );
}

function isDecided(flags: number): boolean {
  return (flags & FLAG.pair) !== 0 && (flags & FLAG.tie) === 0;
}
