import { createFieldReader } from '../fields.ts';
import { has, isNumber, type JsonNumber } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import { spelledNumber, spelledOf } from '../row-meta.ts';
import { assistantTurn, onlyText, ownId, recordOf, rowExtras, userTurn } from './record-parts.ts';

/**
 * Stanford Human Preferences: a post and two comments; `labels` is 1 where A is preferred. The row's id is
 * post_id/c_root_id_A/c_root_id_B; what belongs to A or B stays as it stands, with `labels`, so that writing puts both
 * sides back in their place.
 * Source: huggingface.co/datasets/stanfordnlp/SHP, the card.
 */
export const SHP: DataFormat = {
  name: 'shp',
  kind: 'pair',
  content: 'turns',
  description: 'history, human_ref_A, human_ref_B, labels: 1 where A is better',
  detect: (record) => {
    const names = ['history', 'human_ref_A', 'human_ref_B', 'labels'].filter((name) => has(record, name));
    return names.length === 4 ? 1 : names.length === 3 ? 0.1 : 0;
  },
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const prompt = [userTurn(fields.text('history'))];
    const sides = [fields.text('human_ref_A'), fields.text('human_ref_B')].map((text) => [assistantTurn(text)]);
    const scores = [fields.optionalNumber('score_A'), fields.optionalNumber('score_B')];
    const isFirst = fields.label('labels');
    const [better, worse] = isFirst ? [0, 1] : [1, 0];
    const [chosenScore, rejectedScore] = [scores[better!], scores[worse!]];
    const { meta, ...extras } = rowExtras(fields);
    const row = {
      id:
        ['post_id', 'c_root_id_A', 'c_root_id_B']
          .map((name) => record[name])
          .filter(isId)
          .join('/') || id,
      origin,
      prompt,
      chosen: sides[better!]!,
      rejected: sides[worse!]!,
      ...extras,
      meta: {
        ...meta,
        ...(chosenScore !== undefined && { chosenScore }),
        ...(rejectedScore !== undefined && { rejectedScore }),
        ...spelledOf(
          {
            chosenScore: record[`score_${isFirst ? 'A' : 'B'}`],
            rejectedScore: record[`score_${isFirst ? 'B' : 'A'}`],
          },
          meta,
        ),
        fields: { ...meta?.fields, labels: isFirst ? 1 : 0 },
      },
    };
    return rowUnless(fields.problems, { kind: 'pair', row });
  },
  write(row) {
    const { prompt, chosen, rejected, ...rest } = rowOfKind(row, 'pair');
    const history = onlyText(prompt, 'user');
    const texts = [onlyText(chosen, 'assistant'), onlyText(rejected, 'assistant')];
    if (history === undefined || texts.includes(undefined))
      return refused('has one user turn and answers of one turn, without tool calls');
    const { chosenScore: _chosen, rejectedScore: _rejected, source, fields = {}, ...meta } = rest.meta ?? {};
    const isFirst = fields['labels'] !== 0;
    const scores = rest.meta === undefined ? [] : SCORES.map((name) => spelledNumber(rest.meta!, name));
    const [a, b] = isFirst ? [0, 1] : [1, 0];
    const [post, rootA, rootB] = isId(fields['post_id']) ? [] : (ownId(rest)?.split('/') ?? []);
    const columns = {
      post_id: post,
      domain: source,
      history,
      c_root_id_A: rootA,
      c_root_id_B: rootB,
      human_ref_A: texts[a!],
      human_ref_B: texts[b!],
      score_A: scores[a!],
      score_B: scores[b!],
      labels: isFirst ? 1 : 0,
    };
    // The id stands in its three parts.
    return recordOf({ ...rest, id: String(rest.origin.line), meta: { ...meta, fields } }, columns, {
      reserved: ['score_A', 'score_B', 'source', 'subset'],
    });
  },
};

const SCORES = ['chosenScore', 'rejectedScore'] as const;

function isId(value: unknown): value is string | number | JsonNumber {
  return (typeof value === 'string' && value !== '') || isNumber(value);
}
