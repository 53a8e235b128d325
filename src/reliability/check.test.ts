import { expect, test } from 'vitest';
import { suspectMislabelled } from './find-mislabelled.ts';
import { languageName, openLanguageDetector } from '../answers/index.ts';
import { reliabilityJson } from './report-json.ts';
import { renderReliabilityPage } from './report-page.ts';
import { renderReliability } from './report-text.ts';
import { checkRows, findingOf, linesOf, pairOf } from './testing/support.ts';

const clean = Array.from({ length: 4 }, (_, i) => pairOf(`k${i}`));

/** A text of exactly `length` characters. */
function long(key: string, length: number): string {
  return `${key} ${'word '.repeat(200)}`.slice(0, length - 1).concat('.');
}

function english(i: number) {
  return {
    prompt: `Please tell me in a few words what you know about the number ${i}.`,
    chosen: `The number ${i} is a whole number that people use when they count things.`,
    rejected: `I do not know very much about the number ${i}, but it is quite nice.`,
  };
}

test('clean rows: nothing is found', async () => {
  const found = await checkRows(clean);
  expect(found.findings).toEqual([]);
  expect(renderReliability(found)).toBe('Reliability: nothing was found\n');
});

test('rows that cannot be used, by kind, with their lines', async () => {
  const [a] = clean;
  const found = await checkRows([a, { ...a, rejected: a!.chosen }, { ...a, chosen: ' ' }, { ...a, prompt: 3 }]);
  expect(found.findings.map(({ kind, severity, count }) => [kind, severity, count])).toEqual([
    ['unreadable', 'serious', 1],
    ['identical', 'serious', 1],
    ['empty', 'serious', 1],
  ]);
  expect((['unreadable', 'identical', 'empty'] as const).map((kind) => linesOf(found, kind))).toEqual([[4], [2], [3]]);
});

test('"pick the longer": accuracy, interval and severity', async () => {
  const rows = Array.from({ length: 100 }, (_, i) => {
    const { prompt, chosen, rejected } = pairOf(`q${i}`);
    return i < 90
      ? { prompt, chosen: `${chosen} and more.`, rejected }
      : { prompt, chosen, rejected: `${rejected} and more.` };
  });
  const found = await checkRows(rows);
  const finding = findingOf(found, 'length-bias')!;
  // Wilson for 90 of 100: (0.825, 0.945).
  expect(finding.sentence).toBe(
    '"pick the longer answer" is right in 90.0 % (82.6 % to 94.5 %) of 100 pairs where it decides, of 100',
  );
  expect(finding.severity).toBe('serious');
  expect(found.cues[0]).toMatchObject({ accuracy: 0.9, decided: 100, pairs: 100 });
});

test('ties, cut answers, and answers cut at one length', async () => {
  const rows = [
    ...clean,
    pairOf('t', { margin: 0 }),
    { ...pairOf('u'), chosen: 'It rains. Then the sun comes out and' },
    ...Array.from({ length: 6 }, (_, i) => ({ ...pairOf(`v${i}`), chosen: long(`v${i}`, 400) })),
  ];
  const found = await checkRows(rows);
  expect(linesOf(found, 'ties')).toEqual([5]);
  expect(linesOf(found, 'truncated')).toEqual([6]);
  expect(linesOf(found, 'same-length')).toEqual([7, 8, 9, 10, 11, 12]);
  expect(findingOf(found, 'same-length')!.sentence).toBe(
    '6 answers have exactly 400 characters, the greatest length: something cut them',
  );
});

test('agreement: coefficients, and who disagrees with everyone', async () => {
  const rows = Array.from({ length: 30 }, (_, i) => {
    const { prompt, chosen, rejected } = pairOf(`j${i}`);
    return ['ann', 'ben', 'cem', 'dora'].map((annotator) =>
      annotator === 'dora' || (annotator === 'cem' && i === 0)
        ? { prompt, chosen: rejected, rejected: chosen, annotator }
        : { prompt, chosen, rejected, annotator },
    );
  }).flat();
  const found = await checkRows(rows);
  const { agreement } = found;
  expect(agreement!.sharedItems).toBe(30);
  // Of six pairs of people three agree on each item but the first, where two do.
  expect(agreement!.rawAgreement).toBeCloseTo((29 * 0.5 + 2 / 6) / 30, 12);
  expect(agreement!.coefficients.map(({ name, items }) => [name, items])).toEqual([
    ['Krippendorff alpha, nominal', 30],
    ['Fleiss kappa', 30],
    ['Cohen kappa, the pair with most in common', 30],
  ]);
  expect(findingOf(found, 'annotators')!.sentence).toBe(
    '1 annotator of 4 stands out: dora disagrees with the others in 100.0 % of 30 shared judgements',
  );
  expect(linesOf(found, 'annotators').length).toBe(30);
  expect(agreement!.annotators.find(({ name }) => name === 'ann')).toMatchObject({
    ratings: 30,
    shared: 30,
    agreement: 29 / 30,
  });
  const again = await checkRows(rows);
  expect(again.agreement).toEqual(agreement);
});

test('one judge: agreement is not defined, and says so', async () => {
  const found = await checkRows(clean.map((row) => ({ ...row, annotator: 'ann' })));
  expect(found.agreement!.coefficients[0]).toEqual({
    name: 'Krippendorff alpha, nominal',
    estimate: null,
    interval: null,
    items: 0,
  });
  expect(findingOf(found, 'annotator-agreement')).toBe(undefined);
});

test('suspected labels: as sure to be wrong as the average is to be right; none when the model knows nothing', () => {
  const margins = Float64Array.from([...Array<number>(28).fill(1), -1, -3, NaN, -0.1]);
  const found = suspectMislabelled(margins)!;
  expect([found.scored, found.accuracy]).toEqual([31, 28 / 31]);
  // Mean confidence: (28 s(1) + s(-1) + s(-3) + s(-.1)) / 31 = .6858 < s(1) = .7311, so that -1 and -3 are suspected, -.1 (.525) is not.
  expect(found.threshold).toBeCloseTo(0.6858, 3);
  expect(found.suspects).toEqual([29, 28]);
  expect(suspectMislabelled(Float64Array.from([1, -1, 1, -1]))!.suspects).toEqual([]);
  expect(suspectMislabelled(Float64Array.of(NaN))).toBe(undefined);
});

test('mislabelled rows come from the margins of the table', async () => {
  const rows = Array.from({ length: 30 }, (_, i) => pairOf(`m${i}`));
  const found = await checkRows(rows, {
    heldOutMargins: async (table) => Float64Array.from({ length: table.count }, (_, row) => (row === 7 ? -2 : 1)),
  });
  expect(linesOf(found, 'mislabelled')).toEqual([8]);
});

test('languages: a mismatch, a mix, and a translation that is meant', { timeout: 300_000 }, async () => {
  const detect = await openLanguageDetector();
  expect(detect('Ich habe gestern ein Buch gelesen, das mir sehr gut gefallen hat.')).toBe('de');
  expect([
    detect('ok'),
    detect('```\nconst answer = 42; const question = undefined;\n```'),
    languageName('de'),
  ]).toEqual([undefined, undefined, 'German']);
  const german = 'Die Zahl ist eine ganze Zahl, mit der die Menschen ihre Dinge zählen.';
  const found = await checkRows(
    [
      english(1),
      english(2),
      { ...english(3), chosen: german },
      {
        ...english(4),
        prompt: 'Translate into German: the number is a whole number with which people count.',
        chosen: german,
      },
    ],
    { languages: true },
  );
  expect(linesOf(found, 'language-mismatch')).toEqual([3]);
  expect(found.languages.map(({ name, rows }) => [name, rows])).toEqual([
    ['English', 2],
    ['German', 2],
  ]);
});

test('the page of a terminal: 40 columns, marks, places and advice', async () => {
  const [a, b] = clean;
  const found = await checkRows([a, b, a, a, a, a]);
  const page = renderReliability(found, { width: 40, places: 2 });
  expect(Math.max(...page.split('\n').map((line) => line.length))).toBeLessThanOrEqual(40);
  expect(page).toBe(
    [
      'Reliability: 1 serious finding',
      '',
      '!! duplicates',
      '   4 rows (66.7 %) repeat an earlier row',
      '   word for word',
      '   pairs.jsonl:3, :4 and 2 more',
      '   -> remove the copies: preftune data',
      '   clean --apply duplicates',
      '',
    ].join('\n'),
  );
  expect(reliabilityJson(found, 1)['findings']).toEqual([
    {
      kind: 'duplicates',
      severity: 'serious',
      count: 4,
      sentence: '4 rows (66.7 %) repeat an earlier row word for word',
      advice: 'remove the copies: preftune data clean --apply duplicates',
      rows: [{ file: 'pairs.jsonl', line: 3 }],
      values: {},
    },
  ]);
});

test('names from data stay text on the page', async () => {
  const found = await checkRows(
    clean.map((row, i) => ({ ...row, annotator: '<img src=x>', source: i === 0 ? '<b>' : 'web' })),
  );
  const html = renderReliabilityPage({ title: 'T', subtitle: '<i>', reliability: found, footer: 'f' });
  expect(html.match(/<img|<b>|<i>|<script/g)).toBe(null);
  expect(html).toContain('&lt;img src=x&gt;');
});
