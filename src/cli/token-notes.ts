import {
  renderTokenisationReport,
  type RowCount,
  type TokenisationExample,
  type TokenisationReport,
} from '../data/index.ts';
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
  const { rows, kept, sequences, dropped, tokens, longest, examples, promptCut, promptTokensDiffer } = report;
  const lost = Object.entries(dropped).map(([reason, { count }]) => `${count} dropped (${reason})`);
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
  return [`${name}: ${counts.join('; ')}`, ...(example === undefined ? [] : [`  ${exampleLine(example)}`])];
}

/** What trains otherwise than a user expects. */
export function tokenisationWarnings(name: string, report: TokenisationReport): string[] {
  const { noStopToken, truncated, limits, rows } = report;
  const cut = Object.entries(truncated).map(([side, { count }]) => `${side} ${count}`);
  return [
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
