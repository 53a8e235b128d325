import { join } from 'node:path';
import type { ReportSample } from '../report/index.ts';
import { commandLines, type JsonValue, percent, shellCommand, wrap, type WrapOptions } from '../core/index.ts';
import type { AnswerCounts } from '../quickstart/index.ts';
import { freeFolder, STARTER_MODEL } from './start/starter.ts';

/** What the quickstart measured of the model at one moment, on held-out pairs. */
export interface Measured {
  /** Share of pairs whose friendly answer gets the higher reward; a tie counts one half. */
  readonly accuracy: number;
  readonly margin: number;
  readonly answers: AnswerCounts;
}

export interface QuickstartSummary {
  readonly output: string;
  readonly seconds: number;
  readonly steps: number;
  readonly trainPairs: number;
  readonly heldOutPairs: number;
  readonly before: Measured;
  readonly after: Measured;
  readonly samples: readonly ReportSample[];
  readonly model: string;
  readonly adapter: string;
}

/** Where everything is, inside the output folder. */
export function quickstartFiles(output: string) {
  return {
    pairs: join(output, 'pairs.jsonl'),
    heldOut: join(output, 'held-out.jsonl'),
    run: join(output, 'run'),
    report: join(output, 'run', 'report.html'),
    adapter: join(output, 'run', 'adapter'),
  };
}

/** The widest that lines get, however wide the terminal. */
const MAX_COLUMNS = 90;

/** The summary for people, in lines of at most `columns`. */
export function summaryText(summary: QuickstartSummary, columns: number): string {
  const width = Math.min(Math.max(columns, 40), MAX_COLUMNS);
  const files = quickstartFiles(summary.output);
  const lines = [
    ...fill(headline(summary), width),
    '',
    'Held-out questions, never trained on   before    after',
    ...measuredRows(summary),
    ...fill('(Preference is counted from where training starts: there all pairs are ties, each one half.)', width, {
      first: '  ',
      rest: '  ',
    }),
    '',
    'The same questions, before and after',
    ...summary.samples.flatMap(({ prompt, before, after }) => [
      `  ${prompt}`,
      ...fill(before || '(nothing)', width, { first: '    before  ', rest: '            ' }),
      ...fill(after || '(nothing)', width, { first: '    after   ', rest: '            ' }),
    ]),
    '',
    'Files',
    `  report   ${files.report}`,
    `  pairs    ${files.pairs}`,
    `  adapter  ${summary.adapter}`,
    '',
    'Next: ask the model that you just trained',
    ...typed(['generate', '--model', files.run, '--prompt', 'What is the capital of Japan?'], width),
    'train a real one on these pairs',
    ...typed(['dpo', '--model', STARTER_MODEL, '--data', files.pairs, '--output', freeFolder('run')], width),
    'or begin with pairs of your own',
    ...typed(['init', freeFolder('my-model')], width),
  ];
  return lines.join('\n');
}

function headline({ steps, seconds, trainPairs }: QuickstartSummary): string {
  return (
    `Done in ${Math.round(seconds)} s: a language model of 3 million weights was taught to answer in a friendly way, ` +
    `from ${trainPairs} pairs of a friendly and a curt answer, both right (DPO, ${steps} steps).`
  );
}

function measuredRows({ before, after, heldOutPairs }: QuickstartSummary): string[] {
  const share = (count: (answers: AnswerCounts) => number) =>
    [before, after].map(({ answers }) => percent(count(answers) / answers.questions, 0));
  const asked = `${before.answers.questions} asked`;
  const rows: readonly (readonly [label: string, values: readonly string[]])[] = [
    [`prefers the friendly one, ${heldOutPairs} pairs`, [percent(before.accuracy, 0), percent(after.accuracy, 0)]],
    ['reward margin', [before.margin.toFixed(2), after.margin.toFixed(2)]],
    [`answers in a friendly way, ${asked}`, share(({ friendly }) => friendly)],
    [`says the right thing, ${asked}`, share(({ right }) => right)],
  ];
  return rows.map(([label, values]) => `  ${label.padEnd(36)}${values.map((value) => value.padStart(7)).join('  ')}`);
}

/** Words in lines; a longer word stands alone. */
function fill(text: string, width: number, lead: WrapOptions = {}): string[] {
  return wrap(text.split(/\s+/), width, { ...lead, keepsWords: true });
}

/** A command to type, indented. */
function typed(words: readonly string[], width: number): string[] {
  return commandLines(shellCommand(words), width - 2).map((line) => `  ${line}`);
}

/** The summary for machines. */
export function summaryValue({ before, after, samples, ...rest }: QuickstartSummary): JsonValue {
  return {
    ...rest,
    before: { ...before, answers: { ...before.answers } },
    after: { ...after, answers: { ...after.answers } },
    samples: samples.map((sample) => ({ ...sample })),
    files: quickstartFiles(rest.output),
  };
}
