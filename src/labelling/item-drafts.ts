import { badInput, finiteNumber, type Problem } from '../core/index.ts';
import type { Content, RankingRow } from '../data/index.ts';
import { answerText, contentKey } from '../judge/index.ts';

/** Two answers that are to be compared, before they are items. */
export interface ItemDraft {
  readonly prompt: Content;
  /** Without content: still to be drawn from its model. */
  readonly answers: readonly [DraftAnswer, DraftAnswer];
  /** Which of them is known to be better. */
  readonly gold?: 0 | 1 | 'tie' | 'both_bad' | undefined;
  /** Where it comes from: file, line and id of a row, or the answer of a server. */
  readonly source: Readonly<Record<string, unknown>>;
  /** Tools, template variables and other fields of the row, for the export. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  /** HMAC of the user whose request it was. */
  readonly userHash?: string | undefined;
}

export interface DraftAnswer {
  readonly content: Content | undefined;
  readonly model?: string | undefined;
}

export interface Drafts {
  readonly drafts: readonly ItemDraft[];
  /** Rows in which two answers say the same: nobody can choose. */
  readonly equal: readonly { readonly file: string; readonly line: number }[];
}

const MOST_ANSWERS = 8;

/**
 * Items of rows with two answers or more: every two answers of a row make one. A row's own field `gold` says which answer is known to be better: `a`, `b`, a place, `tie`,
 * `both-bad`, or true, which is the first (the chosen one of a pair). Throws bad-input with every row whose `gold` cannot be, or that has more than eight answers.
 */
export function draftsOf(rows: readonly RankingRow[]): Drafts {
  const problems: Problem[] = [];
  const equal: { file: string; line: number }[] = [];
  const drafts: ItemDraft[] = [];
  for (const row of rows) {
    const { origin, answers } = row;
    if (answers.length < 2 || answers.length > MOST_ANSWERS) {
      const message = `a row must have 2 to ${MOST_ANSWERS} answers to compare, got ${answers.length}`;
      problems.push({ file: origin.file, line: origin.line, message });
      continue;
    }
    const gold = goldOf(row);
    if (gold === 'wrong') {
      const message = `gold must be a, b, tie or both-bad, or the place of an answer, of a row with two answers, got ${JSON.stringify(row.meta?.fields?.['gold'])}`;
      problems.push({ file: origin.file, line: origin.line, message });
      continue;
    }
    for (let i = 0; i < answers.length; i++)
      for (let j = i + 1; j < answers.length; j++) {
        const [a, b] = [answers[i]!, answers[j]!];
        if (contentKey(a.content) === contentKey(b.content) || sameText(a.content, b.content)) equal.push(origin);
        else
          drafts.push({
            prompt: row.prompt,
            answers: [
              { content: a.content, model: a.model },
              { content: b.content, model: b.model },
            ],
            gold,
            source: { file: origin.file, line: origin.line, id: row.id },
            extra: extraOf(row),
          });
      }
  }
  if (problems.length > 0) throw badInput(problems);
  return { drafts, equal };
}

function sameText(a: Content, b: Content): boolean {
  return answerText(a).trim() === answerText(b).trim();
}

function goldOf({ meta, answers }: RankingRow): ItemDraft['gold'] | 'wrong' {
  const given = meta?.fields?.['gold'];
  if (given === undefined || given === null || given === false || given === '') return undefined;
  if (answers.length !== 2) return 'wrong';
  if (given === true || given === 'a' || given === 'A') return 0;
  if (given === 'b' || given === 'B') return 1;
  if (given === 'tie') return 'tie';
  if (given === 'both-bad' || given === 'both_bad') return 'both_bad';
  const place = finiteNumber(given);
  return place === 0 || place === 1 ? place : 'wrong';
}

function extraOf({ tools, templateVariables, meta }: RankingRow): ItemDraft['extra'] {
  const { fields, source, language, createdAt } = meta ?? {};
  const { gold: _gold, ...rest } = fields ?? {};
  const extra = {
    ...(tools && { tools }),
    ...(templateVariables && { templateVariables }),
    ...((source ?? language ?? createdAt) !== undefined && {
      meta: {
        ...(source !== undefined && { source }),
        ...(language !== undefined && { language }),
        ...(createdAt !== undefined && { createdAt }),
      },
    }),
    ...(Object.keys(rest).length > 0 && { fields: rest }),
  };
  return Object.keys(extra).length === 0 ? undefined : extra;
}
