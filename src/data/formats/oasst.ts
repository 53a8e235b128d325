import type { Message } from '../../tokenizer/index.ts';
import { has, isObject, type JsonRecord } from '../../core/index.ts';
import { refused, rowOfKind, written, type DataFormat } from '../format.ts';
import { shown, type FieldProblem } from '../problems.ts';
import { numberOf } from '../row-meta.ts';
import { verdictOf } from '../pair-of-ranking.ts';
import type { DataRow, RankedAnswer, RowOrigin } from '../row.ts';
import { assistantTurn, onlyText, ownId, turnList, userTurn } from './record-parts.ts';

/** Of an answer, what has its own place in a row, or repeats where the answer stands. */
const OWN_FIELDS = new Set(['text', 'role', 'replies', 'rank', 'model_name', 'parent_id', 'labels', 'lang', 'deleted']);

/**
 * OpenAssistant's conversation trees. Every prompter's message with at least two ranked answers is one row, whose id is that
 * message's; deleted answers, answers that reviewers refused and answers without rank are left out, and a tree without such
 * a message has no row. Labels (quality, toxicity, ...) are the answers' ratings.
 * Source: github.com/LAION-AI/Open-Assistant, oasst-data, schemas.py.
 */
export const OASST_TREES: DataFormat = {
  name: 'oasst-trees',
  kind: 'ranking',
  content: 'turns',
  description: 'prompt: a tree of messages with replies and ranks; message_tree_id',
  detect: (record) => (has(record, 'message_tree_id') && isObject(record['prompt']) ? 1 : 0),
  parse(record, { id, origin }) {
    const problems: FieldProblem[] = [];
    const rows: DataRow[] = [];
    const { prompt } = record;
    if (isObject(prompt)) {
      const treeId = typeof record['message_tree_id'] === 'string' ? record['message_tree_id'] : id;
      walk(prompt, { path: 'prompt', turns: [], rows, problems, origin, fallbackId: treeId });
    } else {
      problems.push({
        reason: 'wrong-type',
        path: 'prompt',
        message: `prompt must be a message, got ${shown(prompt)}`,
      });
    }
    return problems.length > 0 ? { kind: 'problems', problems } : { kind: 'rows', rows };
  },
  write(row) {
    const ranking = rowOfKind(row, 'ranking');
    const turns = turnList(ranking.prompt);
    const texts = ranking.answers.map(({ content }) => onlyText(content, 'assistant'));
    const isText = turns.every(
      ({ role, tool_calls: calls }) => calls === undefined && (role === 'user' || role === 'assistant'),
    );
    if (texts.includes(undefined) || !isText)
      return refused('has prompter and assistant turns of text, answers of one turn');
    const verdict = verdictOf(ranking);
    const ranks = ranking.answers.map(
      ({ rank }, index) => rank ?? (verdict === undefined ? undefined : Number(index !== verdict)),
    );
    if (ranks.includes(undefined)) return refused('needs a rank of every answer');
    const id = ownId(ranking) ?? String(ranking.origin.line);
    const lang = ranking.meta?.language;
    const leaves = ranking.answers.map(({ model, ratings = {}, fields }, index) => ({
      message_id: `${id}-${index + 1}`,
      ...fields,
      parent_id: id,
      text: texts[index],
      role: 'assistant',
      ...(lang !== undefined && { lang }),
      rank: ranks[index],
      ...(model !== undefined && { model_name: model }),
      ...(Object.keys(ratings).length > 0 && { labels: labelsOf(ratings) }),
      replies: [],
    }));
    const root = turns.reduceRight<readonly JsonRecord[]>(
      (replies, { role, content }, index) => [
        {
          message_id: index === turns.length - 1 ? id : `${id}-turn-${index + 1}`,
          text: content,
          role: role === 'user' ? 'prompter' : 'assistant',
          ...(lang !== undefined && { lang }),
          replies,
        },
      ],
      leaves,
    )[0]!;
    return written({ message_tree_id: root['message_id'], tree_state: 'ready_for_export', prompt: root });
  },
};

interface Walk {
  readonly path: string;
  readonly turns: readonly Message[];
  readonly rows: DataRow[];
  readonly problems: FieldProblem[];
  readonly origin: RowOrigin;
  readonly fallbackId: string;
}

/** Adds the rows of a message and of everything below it. The depth of a record is limited before it gets here. */
function walk(node: JsonRecord, at: Walk): void {
  const { path, problems } = at;
  const { text, role, replies = [] } = node;
  if (typeof text !== 'string')
    problems.push({
      reason: 'wrong-type',
      path: `${path}.text`,
      message: `${path}.text must be a text, got ${shown(text ?? undefined)}`,
    });
  if (role !== 'prompter' && role !== 'assistant')
    problems.push({
      reason: 'unknown-role',
      path: `${path}.role`,
      message: `${path}.role must be prompter or assistant, got ${shown(role ?? undefined)}`,
    });
  if (!Array.isArray(replies))
    problems.push({
      reason: 'wrong-type',
      path: `${path}.replies`,
      message: `${path}.replies must be a list, got ${shown(replies ?? undefined)}`,
    });
  if (typeof text !== 'string' || !Array.isArray(replies)) return;
  const turns = [...at.turns, role === 'prompter' ? userTurn(text) : assistantTurn(text)];
  const children = (replies as readonly unknown[]).filter(isObject);
  const ranked = children.filter(isRanked);
  if (role === 'prompter' && ranked.length >= 2) {
    const id = typeof node['message_id'] === 'string' ? node['message_id'] : at.fallbackId;
    const language = typeof node['lang'] === 'string' ? node['lang'] : undefined;
    const answers = ranked.map(answerOf).toSorted((a, b) => a.rank! - b.rank!);
    at.rows.push({
      kind: 'ranking',
      row: { id, origin: at.origin, prompt: turns, answers, ...(language !== undefined && { meta: { language } }) },
    });
  }
  children.forEach((child, index) => {
    if (child['deleted'] !== true) walk(child, { ...at, path: `${path}.replies.${index}`, turns });
  });
}

function isRanked(node: JsonRecord): boolean {
  return (
    node['deleted'] !== true &&
    node['review_result'] !== false &&
    numberOf(node['rank']) !== undefined &&
    typeof node['text'] === 'string'
  );
}

function answerOf(node: JsonRecord): RankedAnswer {
  const labels = isObject(node['labels']) ? Object.entries(node['labels']) : [];
  const ratings: Record<string, number> = {};
  for (const [name, label] of labels) {
    const value = isObject(label) ? numberOf(label['value']) : undefined;
    if (value !== undefined) ratings[name] = value;
  }
  const rest = Object.entries(node).filter(([name, value]) => value !== null && !OWN_FIELDS.has(name));
  return {
    content: [assistantTurn(node['text'] as string)],
    rank: numberOf(node['rank'])!,
    ...(Object.keys(ratings).length > 0 && { ratings }),
    ...(typeof node['model_name'] === 'string' && { model: node['model_name'] }),
    ...(rest.length > 0 && { fields: Object.fromEntries(rest) }),
  };
}

function labelsOf(ratings: Readonly<Record<string, number>>): JsonRecord {
  return Object.fromEntries(Object.entries(ratings).map(([name, value]) => [name, { value }]));
}
