import type { Message } from '../../tokenizer/index.ts';
import { spelledNumber } from '../row-meta.ts';
import { sameJson } from '../tokens/extract-prompt.ts';
import { ownId, turnList } from '../formats/record-parts.ts';
import { verdictOf } from '../pair-of-ranking.ts';
import type { CompletionRow, Content, DataRow, RankingRow } from '../row.ts';

/** What a row lost on its way through a format. */
export interface RowComparison {
  /** Same prompt, answers, label, and the same answer better. */
  readonly isSame: boolean;
  /** What else of `before` is missing or different in `after`, by name: id, tools, meta.source, message.name, ... */
  readonly lost: readonly string[];
}

/** Compares a row with what a format gave back of it. */
export function compareRows(before: DataRow, after: DataRow): RowComparison {
  const contents = [before, after].map(contentsOf);
  const isSame =
    before.kind === after.kind &&
    contents[0]!.length === contents[1]!.length &&
    contents[0]!.every((content, i) => saysTheSame(content, contents[1]![i]!)) &&
    standing(before) === standing(after);
  if (!isSame) return { isSame, lost: [] };
  const lost: string[] = [];
  const note = (name: string, value: unknown, other: unknown): void => {
    if (value !== undefined && !sameJson(value, other)) lost.push(name);
  };
  const [one, two] = [before.row, after.row];
  if (ownId(one) !== undefined) note('id', one.id, two.id);
  note('tools', one.tools, two.tools);
  note('chat_template_kwargs', one.templateVariables, two.templateVariables);
  const { fields = {}, spelled: _spelled, ...typed } = one.meta ?? {};
  for (const name of Object.keys(typed) as (keyof typeof typed)[])
    note(`meta.${name}`, spelledNumber(one.meta!, name), two.meta && spelledNumber(two.meta, name));
  for (const [name, value] of Object.entries(fields)) note(`meta.fields.${name}`, value, two.meta?.fields?.[name]);
  contents[0]!.forEach((content, index) => {
    turnList(content).forEach((turn, at) => {
      const other = turnList(contents[1]![index]!)[at]!;
      for (const name of Object.keys(turn) as (keyof Message)[]) note(`message.${name}`, turn[name], other[name]);
    });
  });
  if (
    before.kind === 'completion' &&
    after.kind === 'completion' &&
    before.row.isWhole !== after.row.isWhole &&
    hasEarlierAnswer(before.row)
  )
    lost.push('which turns are learned');
  if (before.kind === 'ranking' && after.kind === 'ranking') compareRankings(before.row, after.row, note);
  return { isSame, lost: [...new Set(lost)] };
}

function compareRankings(
  one: RankingRow,
  two: RankingRow,
  note: (name: string, value: unknown, other: unknown) => void,
): void {
  // A verdict may be kept as a vote, and a vote as ranks: only what says more than the verdict is lost.
  const verdict = verdictOf(one);
  const single = one.votes?.length === 1 ? one.votes[0]! : undefined;
  if (verdict === undefined || single === undefined || two.votes !== undefined) note('votes', one.votes, two.votes);
  else note('votes', single.annotator ?? single.fields, two.meta?.annotator);
  one.answers.forEach((answer, index) => {
    const { content: _content, rank, ...rest } = answer;
    const other = two.answers[index]!;
    if (verdict === undefined) note('answers.rank', rank, other.rank);
    for (const [name, value] of Object.entries(rest)) note(`answers.${name}`, value, other[name as keyof typeof rest]);
  });
}

/** Whether it matters if the conversation counts as whole: then its earlier answers are learned too. */
function hasEarlierAnswer({ prompt }: CompletionRow): boolean {
  return turnList(prompt).some(({ role }) => role === 'assistant');
}

/** Prompt first, then the answers. */
function contentsOf({ row }: DataRow): readonly Content[] {
  if ('answers' in row) return [row.prompt, ...row.answers.map(({ content }) => content)];
  if ('chosen' in row) return [row.prompt, row.chosen, row.rejected];
  return [row.prompt, row.completion];
}

/** Whether two conversations say the same: roles, texts, and which functions are called with what. */
function saysTheSame(one: Content, two: Content): boolean {
  if (typeof one === 'string' || typeof two === 'string') return one === two;
  return one.length === two.length && one.every((turn, i) => turnSaysTheSame(turn, two[i]!));
}

function turnSaysTheSame(
  { role, content, tool_calls: calls }: Message,
  { role: otherRole, content: otherContent, tool_calls: otherCalls }: Message,
): boolean {
  if (role !== otherRole || content !== otherContent) return false;
  return calls === otherCalls || sameJson(calls?.map(callOf) ?? null, otherCalls?.map(callOf) ?? null);
}

function callOf({ function: { name, arguments: given } }: NonNullable<Message['tool_calls']>[number]): unknown {
  return [name, given];
}

function standing(data: DataRow): unknown {
  if (data.kind === 'unpaired') return data.row.label;
  return data.kind === 'ranking' ? verdictOf(data.row) : undefined;
}
