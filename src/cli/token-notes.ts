import {
  dropCause,
  placesText,
  renderTokenisationReport,
  textLines,
  type DropReason,
  type RowCount,
  type TextCount,
  type TokenisationExample,
  type TokenisationReport,
} from '../data/index.ts';
import { visibleText } from '../core/index.ts';
import type { Terminal } from './frame/terminal.ts';

/** Tokens that the example shows before the answer and at each of the answer's ends. */
const SHOWN_TOKENS = 8;
const NAMED_ROWS = 5;

/** Tells what became of the rows of a data set: a paragraph and one example, or everything with `isWhole`; warns of what trains wrongly. */
export function tellTokenisation(
  terminal: Terminal,
  told: { readonly name: string; readonly report: TokenisationReport; readonly isWhole: boolean },
): void {
  const { name, report, isWhole } = told;
  if (isWhole) terminal.note(`${name}\n${renderTokenisationReport(report, terminal.columns)}`);
  else for (const line of tokenisationParagraph(name, report)) terminal.note(line);
  for (const warning of tokenisationWarnings(name, report)) terminal.warn(warning);
}

/** One line of counts, and one of an example: the end of a prompt, and its answer with the scored tokens in brackets. */
export function tokenisationParagraph(name: string, report: TokenisationReport): string[] {
  const { rows, kept, sequences, limits, dropped, tokens, longest, examples, promptCut, promptTokensDiffer } = report;
  const lost = Object.entries(dropped).map(
    ([reason, rowCount]) =>
      `${rowCount.count} dropped (${dropCause(reason as DropReason, limits).cause}: ${namedRows(rowCount)})`,
  );
  const means = Object.entries(tokens).map(([part, { mean }]) => `${part} ${mean.toFixed(0)}`);
  const counts = [
    `${kept.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} rows kept`,
    ...(sequences === kept ? [] : [`${sequences.toLocaleString('en-US')} sequences`]),
    ...lost,
    ...(promptCut.count === 0 ? [] : [`${promptCut.count} prompts lost their start`]),
    ...(promptTokensDiffer.count === 0 ? [] : [`${promptTokensDiffer.count} with prompts that differ in tokens`]),
    `tokens on average: ${means.join(', ')}`,
    ...(longest === undefined ? [] : [`longest ${longest.tokens}`]),
  ];
  const example = examples[0];
  return [
    `${name}: ${counts.join('; ')}`,
    ...textLines(report).map((line) => `${name}: ${line}`),
    ...(example === undefined ? [] : [`  ${exampleLine(example)}`]),
  ];
}

/** What is wrong with a text that was found, and what to do; each sentence goes behind the number of rows. */
const TEXT_WARNINGS: Readonly<
  Record<'template' | 'tokenizer' | 'untrainedOpening' | 'controlTokens' | 'renderedAlready', readonly [string, string]>
> = {
  template: [
    'the template leaves out text of the answers, which is not trained',
    "use a template that keeps it (chat_template.jinja in the model's folder), or take it out of the data",
  ],
  tokenizer: [
    'the tokenizer has no tokens for some text of the answers, or writes it otherwise',
    'take another model, or write it otherwise in the data',
  ],
  untrainedOpening: [
    'when it asks the model, the template opens the answer with a text that no trained answer begins with',
    'begin the answers with it where the template keeps it, or use a template that opens them alike',
  ],
  controlTokens: [
    "the rows' own texts hold control tokens, which the model reads as it reads the template's",
    'take them out, unless the model is to read them so',
  ],
  renderedAlready: [
    'texts of turns are rendered already: they hold what the template writes, so it stands there twice',
    'give messages without it, or the whole as plain text',
  ],
};

/** What trains otherwise than a user expects. */
export function tokenisationWarnings(name: string, report: TokenisationReport): string[] {
  const { noStopToken, truncated, limits, rows } = report;
  const cut = Object.entries(truncated).map(([side, { count }]) => `${side} ${count}`);
  const texts = { ...report.lost, ...textFindings(report) };
  const textWarnings = Object.entries(texts).flatMap(([kind, found]) => {
    if (found.count === 0) return [];
    const [what, advice] = TEXT_WARNINGS[kind as keyof typeof TEXT_WARNINGS];
    const places =
      kind === 'controlTokens'
        ? placesText(found, visibleText)
        : `${namedRows(found)}, such as ${JSON.stringify(found.places[0]!.text)} (${found.places[0]!.field})`;
    return [`${name}: ${what} (${found.count} of ${rows} rows): ${places}; ${advice}`];
  });
  return [
    ...textWarnings,
    ...(noStopToken.count === 0
      ? []
      : [
          `${name}: ${noStopToken.count} of ${rows} rows end without a stop token (${namedRows(noStopToken)}), so the model would not learn to end there; check the chat template and the tokenizer's EOS`,
        ]),
    ...(cut.length === 0
      ? []
      : [
          `${name}: answers lost their end (${cut.join(', ')}) at --max-length ${limits.maxLength ?? 'none'}; raise it, or leave long rows out`,
        ]),
  ];
}

function textFindings({
  untrainedOpening,
  controlTokens,
  renderedAlready,
}: TokenisationReport): Record<string, TextCount> {
  return { untrainedOpening, controlTokens, renderedAlready };
}

function namedRows({ count, rows }: RowCount): string {
  return `${count === 1 ? 'row' : 'rows'} ${rows.slice(0, NAMED_ROWS).join(', ')}${count > NAMED_ROWS ? ', ...' : ''}`;
}

function spelled(tokens: TokenisationExample['tokens']): string {
  return tokens.map((token) => JSON.stringify(token.text).slice(1, -1)).join('\u00b7');
}

function exampleLine({ row, side, tokens, gaps }: TokenisationExample): string {
  const first = tokens.findIndex((token) => token.scored);
  const prompt = tokens.slice(Math.max(0, first - SHOWN_TOKENS), first);
  const answer = tokens.slice(first);
  const isWhole = answer.length <= 2 * SHOWN_TOKENS && gaps.every(({ after }) => after < first);
  const shown = isWhole
    ? spelled(answer)
    : `${spelled(answer.slice(0, SHOWN_TOKENS))} ... ${spelled(answer.slice(-SHOWN_TOKENS))}`;
  return `row ${row}, ${side}: ${first > prompt.length ? '... ' : ''}${spelled(prompt)}\u27e6${shown}\u27e7`;
}
