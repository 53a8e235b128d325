import { badInput, internal, type JsonObject, type JsonRecord } from '../core/index.ts';
import { formatNamed, type Content, type PairRow, type RankingRow, type RowMeta } from '../data/index.ts';
import { parseRows, sql } from '../database/index.ts';
import { answerLike, answerText } from '../judge/index.ts';
import type { LedgerRoom } from '../ledger/index.ts';
import { pairsFromEdits, pairsFromVotes, type VoteLabels } from '../pairs/index.ts';
import { gradeOf } from './panel.ts';
import { countedVotes } from './ballot.ts';
import { ITEM_ROW, VOTE_ROW, type Campaign, type Item, type VoteRecord } from './records.ts';

/**
 * votes: a record for each item with everything that was said of it; `data build --from votes` reads it. pairs: what `dpo --data` reads. demonstrations: edited answers,
 * for `sft`. edits: what `data build --from edits` reads. unpaired: answers that were both bad, for `kto`.
 */
export const LABEL_EXPORTS = ['votes', 'pairs', 'demonstrations', 'edits', 'unpaired'] as const;
export type LabelExport = (typeof LABEL_EXPORTS)[number];

export interface LabelExportOptions {
  readonly labels?: VoteLabels;
  readonly minVotes?: number;
  readonly minAgreement?: number | undefined;
}

/** What did not become a row, by reason, so that nothing goes without a word. */
export type LeftOut = Record<string, number>;

const PAGE = 200;

/** Rows of a campaign, one after the other; `leftOut` is filled as they come. */
export async function* exportRows(
  { database }: LedgerRoom,
  campaign: Campaign,
  { format, leftOut, ...options }: LabelExportOptions & { readonly format: LabelExport; readonly leftOut: LeftOut },
): AsyncGenerator<JsonObject> {
  if (!LABEL_EXPORTS.includes(format))
    throw badInput({ path: 'format', message: `format: must be one of ${LABEL_EXPORTS.join(', ')}, got ${format}` });
  for (let behind = 0; ;) {
    const rows = await database.read(
      sql(
        'SELECT * FROM label_items WHERE campaign_id = ? AND seq > ? ORDER BY seq LIMIT ?',
        campaign.id,
        behind,
        PAGE,
      ),
    );
    for (const item of parseRows(ITEM_ROW, rows)) {
      const votes = parseRows(
        VOTE_ROW,
        await database.read(sql('SELECT * FROM label_votes WHERE item_id = ? ORDER BY seq', item.id)),
      );
      yield* rowsOf(campaign, item, { votes, format, leftOut, options });
    }
    if (rows.length < PAGE) return;
    behind = Number(rows.at(-1)!['seq']);
  }
}

interface RowContext {
  readonly votes: readonly VoteRecord[];
  readonly format: LabelExport;
  readonly leftOut: LeftOut;
  readonly options: LabelExportOptions;
}

function rowsOf(campaign: Campaign, item: Item, { votes, format, leftOut, options }: RowContext): JsonObject[] {
  const skip = (reason: string, n = 1): void => {
    if (n > 0) leftOut[reason] = (leftOut[reason] ?? 0) + n;
  };
  if (item.answers.some(({ content }) => content === undefined)) {
    skip('answers not drawn yet');
    return [];
  }
  if (format === 'votes') return votes.length === 0 ? (skip('no votes'), []) : [votesRecord(campaign, item, votes)];
  if (item.status === 'removed') {
    skip('removed');
    return [];
  }
  if (item.status === 'held') {
    skip('held');
    return [];
  }
  if (format === 'pairs') return pairRows(item, votes, { skip, options });
  if (format === 'unpaired') return unpairedRows(item, votes);
  return editRows(item, votes, format);
}

function rowOf(item: Item): RankingRow {
  const { tools, templateVariables, meta, fields } = (item.extra ?? {}) as {
    tools?: readonly unknown[];
    templateVariables?: Readonly<Record<string, unknown>>;
    meta?: RowMeta;
    fields?: Readonly<Record<string, unknown>>;
  };
  const all: RowMeta = { ...meta, ...(fields && { fields }) };
  return {
    id: item.id,
    origin: { file: String(item.source['file'] ?? 'campaign'), line: Number(item.source['line'] ?? 0) },
    prompt: item.prompt,
    answers: item.answers.map(({ content, model }) => ({ content: content!, ...(model !== undefined && { model }) })),
    ...(tools && { tools }),
    ...(templateVariables && { templateVariables }),
    ...(Object.keys(all).length > 0 && { meta: all }),
  };
}

/** Pairs of the votes that count; where somebody has decided, of that alone. Edited answers are better than what they were made of. */
function pairRows(
  item: Item,
  votes: readonly VoteRecord[],
  { skip, options }: { readonly skip: (reason: string, n?: number) => void; readonly options: LabelExportOptions },
): JsonObject[] {
  const standing = votes.filter(({ undoneAt }) => undoneAt === undefined);
  const adjudicated = standing.filter(({ source }) => source === 'adjudicator').slice(-1);
  const counted = countedVotes(votes);
  const deciding = adjudicated.length > 0 ? adjudicated : counted;
  skip('votes that came when the item had enough', standing.filter((vote) => isExtra(vote)).length);
  skip('skips', standing.filter(({ verdict, source }) => verdict === 'skip' && source === 'person').length);
  if (adjudicated.length > 0) skip('votes on items that somebody has decided', counted.length);
  const row = rowOf(item);
  const ids = item.answers.map(({ id }) => id);
  const rows: JsonObject[] = [];
  if (deciding.length === 0) skip('no votes');
  else {
    const built = pairsFromVotes(
      {
        ...row,
        votes: deciding.map(({ verdict, betterId, annotator }) => ({
          choice: verdict === 'better' ? ids.indexOf(betterId!) : verdict === 'tie' ? 'tie' : 'both-bad',
          annotator,
        })),
      },
      { ...options, ...(adjudicated.length > 0 && { minVotes: 1 }) },
    );
    for (const [reason, n] of Object.entries(built.skipped)) skip(reason, n);
    for (const pair of built.pairs) {
      const agree = deciding.filter(({ betterId }) => betterId !== undefined && sameContent(item, betterId, pair));
      const margin =
        agree.length === 0 ? 0 : agree.reduce((sum, { strength = 1 }) => sum + strength, 0) / deciding.length;
      rows.push(
        recordOf({
          ...pair,
          meta: {
            ...pair.meta,
            margin,
            fields: { ...pair.meta?.fields, grades: deciding.map((vote) => gradeFor(item, vote)) },
          },
        }),
      );
    }
  }
  for (const { edit, annotator } of editsOf(standing, item)) {
    const original = item.answers.find(({ id }) => id === edit.answerId)!;
    const built = pairsFromEdits(
      { ...editless(row), original: original.content!, edited: answerLike(item.prompt, edit.text) },
      { annotator, fields: { edited_by_person: true } },
    );
    for (const [reason, n] of Object.entries(built.skipped)) skip(`edits: ${reason}`, n);
    rows.push(...built.pairs.map((pair) => recordOf({ ...pair, id: `${item.id}-edit-${annotator.slice(0, 8)}` })));
  }
  return rows;
}

function sameContent({ answers }: Item, id: string, { chosen }: PairRow): boolean {
  const answer = answers.find((each) => each.id === id)!;
  return answerText(answer.content!) === answerText(chosen);
}

function editless({ answers: _answers, votes: _votes, ...row }: RankingRow): Omit<RankingRow, 'answers' | 'votes'> {
  return row;
}

type Edited = VoteRecord & { readonly edit: NonNullable<VoteRecord['edit']> };

/** Edits that stand, the last of each person on each answer, and that changed more than space. */
function editsOf(votes: readonly VoteRecord[], { answers }: Item): Edited[] {
  const last = new Map<string, Edited>();
  for (const vote of votes) {
    if (vote.edit === undefined || vote.source === 'judge') continue;
    const original = answers.find(({ id }) => id === vote.edit!.answerId);
    if (original !== undefined && folded(answerText(original.content!)) !== folded(vote.edit.text))
      last.set(`${vote.annotator} ${vote.edit.answerId}`, vote as Edited);
  }
  return [...last.values()];
}

function folded(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}

function editRows(item: Item, votes: readonly VoteRecord[], format: 'demonstrations' | 'edits'): JsonObject[] {
  const standing = votes.filter(({ undoneAt }) => undoneAt === undefined);
  return editsOf(standing, item).map(({ edit, annotator, note, tags }) => {
    const original = item.answers.find(({ id }) => id === edit.answerId)!;
    const edited = answerLike(item.prompt, edit.text);
    const about = {
      id: `${item.id}-edit-${annotator.slice(0, 8)}`,
      ...(original.model !== undefined && { model: original.model }),
      annotator,
      ...(note !== undefined && { note }),
      ...(tags.length > 0 && { tags }),
    };
    const record =
      format === 'edits'
        ? { prompt: item.prompt, original: original.content!, edited, ...about }
        : { prompt: item.prompt, completion: edited, ...about };
    return record as unknown as JsonObject;
  });
}

/** Both answers where most votes say that both are bad. */
function unpairedRows(item: Item, votes: readonly VoteRecord[]): JsonObject[] {
  const adjudicated = votes
    .filter(({ undoneAt, source }) => undoneAt === undefined && source === 'adjudicator')
    .slice(-1);
  const deciding = adjudicated.length > 0 ? adjudicated : countedVotes(votes);
  const bad = deciding.filter(({ verdict }) => verdict === 'both_bad').length;
  if (bad * 2 <= deciding.length) return [];
  return item.answers.map(
    ({ content, model }, place) =>
      ({
        id: `${item.id}-${place + 1}`,
        prompt: item.prompt,
        completion: answerLike(item.prompt, content!),
        label: false,
        ...(model !== undefined && { model }),
        votes: deciding.length,
      }) as unknown as JsonObject,
  );
}

function isExtra({ isCounted, isRepeat, source, verdict }: VoteRecord): boolean {
  return !isCounted && !isRepeat && source === 'person' && verdict !== 'skip';
}

function gradeFor({ answers }: Item, vote: VoteRecord): number {
  return gradeOf(vote, { firstId: answers[0].id });
}

function isStanding({ undoneAt }: VoteRecord): boolean {
  return undoneAt === undefined;
}

/** Everything that was said of an item. `votes` holds what counts; all else stands in lists of its own, so that no reader takes it for a vote. */
function votesRecord(campaign: Campaign, item: Item, votes: readonly VoteRecord[]): JsonObject {
  const counted = new Set(countedVotes(votes));
  const people = votes.filter((vote) => vote.source === 'person' && isStanding(vote));
  const lists: Record<string, readonly VoteRecord[]> = {
    skips: people.filter(({ verdict }) => verdict === 'skip'),
    repeats: people.filter(({ isRepeat, verdict }) => isRepeat && verdict !== 'skip'),
    extra_votes: people.filter(isExtra),
    judge_votes: votes.filter((vote) => vote.source === 'judge' && isStanding(vote)),
    adjudications: votes.filter((vote) => vote.source === 'adjudicator' && isStanding(vote)),
    undone: votes.filter((vote) => !isStanding(vote)),
  };
  const { fields, tools, templateVariables } = (item.extra ?? {}) as JsonRecord;
  return {
    id: item.id,
    prompt: item.prompt,
    answers: item.answers.map(({ content, model }) => ({ text: content!, ...(model !== undefined && { model }) })),
    votes: [...counted].map((vote) => voteObject(item, vote)),
    campaign: campaign.name,
    status: item.status,
    source: item.source,
    ...(item.gold !== undefined && { gold: wordOf(item, item.gold) }),
    ...Object.fromEntries(
      Object.entries(lists)
        .filter(([, list]) => list.length > 0)
        .map(([name, list]) => [name, list.map((vote) => voteObject(item, vote))]),
    ),
    ...(tools !== undefined && { tools }),
    ...(templateVariables !== undefined && { chat_template_kwargs: templateVariables }),
    ...(fields !== undefined && { fields }),
  } as unknown as JsonObject;
}

function wordOf({ answers }: Item, id: string): string {
  const place = answers.findIndex((answer) => answer.id === id);
  return place === -1 ? id.replace('_', '-') : 'ab'[place]!;
}

/** `a` and `b` are the first and the second of the record's answers; `left` is what the person saw on the left. */
function voteObject(item: Item, vote: VoteRecord): Record<string, unknown> {
  const { verdict, betterId, edit, note, tags, flags, skipReason, seconds, leftId, confidence, undoneAt } = vote;
  const grade = verdict === 'better' || verdict === 'tie' ? gradeFor(item, vote) : undefined;
  const all = {
    ...(verdict !== 'skip' && { vote: verdict === 'better' ? wordOf(item, betterId!) : verdict.replace('_', '-') }),
    annotator: vote.annotator,
    grade,
    left: leftId === undefined ? undefined : wordOf(item, leftId),
    edited: edit?.text,
    edited_answer: edit === undefined ? undefined : wordOf(item, edit.answerId),
    note,
    tags: tags.length === 0 ? undefined : tags,
    flags: flags.length === 0 ? undefined : flags,
    skip_reason: skipReason,
    confidence,
    seconds,
    guideline_version: vote.guidelineVersion,
    created_at: vote.createdAt,
    undone_at: undoneAt,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function recordOf(row: PairRow): JsonObject {
  const name = typeof row.prompt === 'string' ? 'trl-preference' : 'trl-preference-conversational';
  const written = formatNamed(name).write({ kind: 'pair', row });
  if (written.kind === 'refused') throw internal(`a pair of votes must be writable, ${name} ${written.why}`);
  return written.record as JsonObject;
}

/** Messages for people to read. */
export function messagesOf(prompt: Content): readonly { readonly role: string; readonly content: string }[] {
  if (typeof prompt === 'string') return [{ role: 'user', content: prompt }];
  return prompt.map((turn) => ({ role: turn.role, content: answerText([turn]) }));
}
