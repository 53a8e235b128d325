import {
  ROW_KINDS,
  type CompletionRow,
  type Content,
  type DataRow,
  type UnpairedRow,
  type PairRow,
  type RankedAnswer,
  type RankingRow,
  type RowMeta,
} from '../row.ts';
import type { Message } from '../../tokenizer/index.ts';
import type { DataFormat } from '../format.ts';
import { assistantTurn, onlyText, ownId, userTurn } from '../formats/record-parts.ts';
import { pairOfRanking, whyUndecided } from '../pair-of-ranking.ts';

/** What conversion made of a row before it was written; reported with counts. */
export type RowChange =
  | 'answers that were ranked or voted on became a pair'
  | 'pairs became two judged answers'
  | 'pairs became two ranked answers'
  | 'pairs lost their rejected answer'
  | 'texts became turns of user and assistant'
  | 'turns became texts';

/** The rows of the kind and content that a format takes, what had to change, and what got lost; or why there are none. */
export type AdaptedRow =
  | {
      readonly kind: 'rows';
      readonly rows: readonly DataRow[];
      readonly changes: readonly RowChange[];
      readonly lost: readonly string[];
    }
  | { readonly kind: 'refused'; readonly why: string };

/** The row as `format` takes it. `chosenOfPairs`: a pair may become its chosen answer. */
export function adaptRow(row: DataRow, format: DataFormat, { chosenOfPairs }: { chosenOfPairs: boolean }): AdaptedRow {
  const adapted = adaptKind(row, format.kind, chosenOfPairs);
  if (adapted.kind === 'refused') return adapted;
  const rows: DataRow[] = [];
  const changes = new Set(adapted.changes);
  for (const each of adapted.rows) {
    const isText = typeof each.row.prompt === 'string';
    if (isText === (format.content === 'texts')) {
      rows.push(each);
      continue;
    }
    const other = isText ? withTurns(each) : withTexts(each);
    if (other === undefined) {
      const why = isText
        ? 'has conversations, and a plain text without a prompt is none'
        : 'has plain texts, which hold one user turn and one answer without tool calls';
      return { kind: 'refused', why };
    }
    changes.add(isText ? 'texts became turns of user and assistant' : 'turns became texts');
    rows.push(other);
  }
  return { ...adapted, rows, changes: [...changes] };
}

function adaptKind(row: DataRow, kind: DataRow['kind'], chosenOfPairs: boolean): AdaptedRow {
  if (row.kind === kind) return asIs(row.kind === 'ranking' ? { kind: 'ranking', row: inOrder(row.row) } : row);
  if (row.kind === 'ranking') {
    const pair = pairOfRanking(row.row);
    if (pair === undefined) return { kind: 'refused', why: `has no place for this row: ${whyUndecided(row.row)}` };
    const further = adaptKind({ kind: 'pair', row: pair }, kind, chosenOfPairs);
    if (further.kind === 'refused') return further;
    return {
      ...further,
      changes: ['answers that were ranked or voted on became a pair', ...further.changes],
      lost: [...lostByPairing(row.row), ...further.lost],
    };
  }
  if (row.kind !== 'pair')
    return { kind: 'refused', why: `has ${ROW_KINDS[kind].many}, and the row is ${A_ROW[row.kind]}` };
  switch (kind) {
    case 'unpaired':
      return { ...asIs(...unpairedAnswers(row.row)), changes: ['pairs became two judged answers'] };
    case 'ranking':
      return { ...asIs({ kind, row: ranking(row.row) }), changes: ['pairs became two ranked answers'] };
    case 'completion':
      if (!chosenOfPairs)
        return { kind: 'refused', why: 'has completions; keep the chosen ones only with --chosen-of-pairs' };
      return { ...asIs({ kind, row: chosenAnswer(row.row) }), changes: ['pairs lost their rejected answer'] };
    default:
      return asIs(row);
  }
}

const A_ROW: Readonly<Record<DataRow['kind'], string>> = {
  pair: 'a pair',
  completion: 'one answer',
  unpaired: 'one answer with a label; build pairs of labels with preftune data build',
  ranking: 'several answers',
};

function asIs(...rows: readonly DataRow[]): AdaptedRow & { kind: 'rows' } {
  return { kind: 'rows', rows, changes: [], lost: [] };
}

/** Ranked answers, the best first, because several formats tell the rank by the place. */
function inOrder(row: RankingRow): RankingRow {
  const { answers, votes } = row;
  if (votes !== undefined || answers.some(({ rank }) => rank === undefined)) return row;
  return { ...row, answers: answers.toSorted((a, b) => a.rank! - b.rank!) };
}

/** What a pair does not say of the ranking that it was. */
function lostByPairing({ answers, votes = [] }: RankingRow): string[] {
  const lost: string[] = [];
  if (votes.length > 1 || votes.some(({ fields }) => fields !== undefined)) lost.push('votes');
  if (answers.some(({ ratings }) => ratings !== undefined)) lost.push('answers.ratings');
  if (answers.some(({ fields }) => fields !== undefined)) lost.push('answers.fields');
  return lost;
}

function unpairedAnswers({ chosen, rejected, meta, ...rest }: PairRow): DataRow[] {
  return [chosen, rejected].map((completion, index): DataRow => {
    const { chosenModel, rejectedModel, chosenScore, rejectedScore, ...others } = meta ?? {};
    const [model, score] = index === 0 ? [chosenModel, chosenScore] : [rejectedModel, rejectedScore];
    const own: RowMeta = {
      ...others,
      ...(model !== undefined && { model }),
      ...(score !== undefined && { score }),
      ...spelledAs(meta, index === 0 ? 'chosenScore' : 'rejectedScore'),
    };
    const id = ownId(rest) === undefined ? rest.id : `${rest.id}/${index === 0 ? 'chosen' : 'rejected'}`;
    const row: UnpairedRow = { ...rest, id, completion, label: index === 0 };
    return { kind: 'unpaired', row: Object.keys(own).length > 0 ? { ...row, meta: own } : row };
  });
}

function ranking({ chosen, rejected, meta, ...rest }: PairRow): RankingRow {
  const { chosenModel, rejectedModel, chosenScore, rejectedScore, ...others } = meta ?? {};
  const answers = [
    { ...answerOf(chosen, chosenModel, chosenScore), rank: 0 },
    { ...answerOf(rejected, rejectedModel, rejectedScore), rank: 1 },
  ];
  return { ...rest, answers, ...(Object.keys(others).length > 0 && { meta: others }) };
}

function answerOf(content: Content, model: string | undefined, score: number | undefined): RankedAnswer {
  return {
    content,
    ...(model !== undefined && { model }),
    ...(score !== undefined && { score }),
  };
}

/** The spelling of a side's score as that of the only score. */
function spelledAs(meta: RowMeta | undefined, side: 'chosenScore' | 'rejectedScore'): Pick<RowMeta, 'spelled'> {
  const spelled = meta?.spelled;
  const score = spelled?.[side];
  return spelled === undefined ? {} : { spelled: { ...spelled, ...(score !== undefined && { score }) } };
}

function chosenAnswer({ chosen, rejected: _rejected, meta, ...rest }: PairRow): CompletionRow {
  const {
    chosenModel,
    chosenScore,
    rejectedModel: _model,
    rejectedScore: _score,
    margin: _margin,
    ...others
  } = meta ?? {};
  const own: RowMeta = {
    ...others,
    ...(chosenModel !== undefined && { model: chosenModel }),
    ...(chosenScore !== undefined && { score: chosenScore }),
    ...spelledAs(meta, 'chosenScore'),
  };
  return { ...rest, completion: chosen, ...(Object.keys(own).length > 0 && { meta: own }) };
}

function withTurns(row: DataRow): DataRow | undefined {
  if (row.row.prompt === '') return undefined;
  return mapContents(row, (content, role) =>
    typeof content === 'string' ? [role === 'user' ? userTurn(content) : assistantTurn(content)] : content,
  );
}

function withTexts(row: DataRow): DataRow | undefined {
  let isWhole = true;
  const texts = mapContents(row, (content, role) => {
    const text = onlyText(content, role);
    if (text === undefined) isWhole = false;
    return text ?? '';
  });
  return isWhole ? texts : undefined;
}

function mapContents(data: DataRow, map: (content: Content, role: Message['role']) => Content): DataRow {
  const prompt = map(data.row.prompt, 'user');
  const answer = (content: Content): Content => map(content, 'assistant');
  switch (data.kind) {
    case 'pair': {
      const { chosen, rejected } = data.row;
      return { kind: data.kind, row: { ...data.row, prompt, chosen: answer(chosen), rejected: answer(rejected) } };
    }
    case 'ranking': {
      const answers = data.row.answers.map((each) => ({ ...each, content: answer(each.content) }));
      return { kind: data.kind, row: { ...data.row, prompt, answers } };
    }
    case 'completion':
      return { kind: data.kind, row: { ...data.row, prompt, completion: answer(data.row.completion) } };
    default:
      return { kind: data.kind, row: { ...data.row, prompt, completion: answer(data.row.completion) } };
  }
}
