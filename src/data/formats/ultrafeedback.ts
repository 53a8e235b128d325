import { createFieldReader, numberAt, type FieldReader } from '../fields.ts';
import { has, isObject, type JsonRecord } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import { numberOf } from '../row-meta.ts';
import type { RankedAnswer } from '../row.ts';
import { assistantTurn, onlyText, recordOf, rowExtras, userTurn } from './record-parts.ts';

/**
 * UltraFeedback as published by its authors: an instruction and the answers of several models, each rated by aspect. An
 * answer's score is its fine-grained score where it has one, else the mean of its ratings. `overall_score` has another scale (1 to 10), and in
 * the first published data some 2,000 bad answers have 10 instead of 1 (OpenBMB/UltraFeedback, issue 8): it is kept as a field, and is the score
 * only where no answer of a record has another worth.
 * Source: huggingface.co/datasets/openbmb/UltraFeedback, the card and the data.
 */
export const ULTRAFEEDBACK: DataFormat = {
  name: 'ultrafeedback',
  kind: 'ranking',
  content: 'turns',
  description: 'instruction, completions: answers with annotations by aspect',
  detect: (record) => (has(record, 'instruction') && Array.isArray(record['completions']) ? 1 : 0),
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const prompt = [userTurn(fields.text('instruction'))];
    const answers = fields.list('completions').map((value, index): RankedAnswer => {
      if (isObject(value) && typeof value['response'] === 'string')
        return answerOf(fields, { value, response: value['response'], path: `completions.${index}` });
      fields.wrong(`completions.${index}.response`, 'a text', isObject(value) ? value['response'] : value);
      return { content: [] };
    });
    return rowUnless(fields.problems, {
      kind: 'ranking',
      row: { id, origin, prompt, answers: scoredByOverall(answers) ?? answers, ...rowExtras(fields) },
    });
  },
  write(row) {
    const { prompt, answers, votes: _votes, ...rest } = rowOfKind(row, 'ranking');
    const instruction = onlyText(prompt, 'user');
    // Read again, these are the scores.
    const isOverall = scoredByOverall(answers.map(({ score: _score, ...answer }) => answer))?.every(
      ({ score }, place) => score === answers[place]!.score,
    );
    const completions = answers.map(({ score, ...answer }) =>
      completionOf({ ...answer, ...(score !== undefined && isOverall !== true && { score }) }),
    );
    if (instruction === undefined || completions.includes(undefined))
      return refused('has one user turn and answers of one turn, without tool calls');
    return recordOf(rest, { instruction, completions });
  },
};

/** The answers with their overall scores, where that is the one worth that each of them has; else undefined. */
function scoredByOverall(answers: readonly RankedAnswer[]): RankedAnswer[] | undefined {
  if (answers.some(({ score, ratings }) => score !== undefined || ratings !== undefined)) return undefined;
  const scores = answers.map(({ fields }) => numberOf(fields?.['overall_score']));
  if (scores.length === 0 || scores.includes(undefined)) return undefined;
  return answers.map((answer, place) => ({ ...answer, score: scores[place]! }));
}

const OWN_FIELDS = new Set(['response', 'model', 'fine-grained_score']);

function answerOf(
  fields: FieldReader,
  { value, response, path }: { readonly value: JsonRecord; readonly response: string; readonly path: string },
): RankedAnswer {
  const annotations = isObject(value['annotations']) ? Object.entries(value['annotations']) : [];
  const ratings: Record<string, number> = {};
  for (const [aspect, annotation] of annotations) {
    const rating = isObject(annotation)
      ? numberAt(fields, `${path}.annotations.${aspect}.Rating`, annotation['Rating'])
      : undefined;
    if (rating !== undefined) ratings[aspect] = rating;
  }
  const given = Object.values(ratings);
  const mean = given.length > 0 ? given.reduce((sum, rating) => sum + rating, 0) / given.length : undefined;
  const score = numberAt(fields, `${path}.fine-grained_score`, value['fine-grained_score']) ?? mean;
  const isPlain = annotations.every(([, entry]) => isObject(entry) && Object.keys(entry).join() === 'Rating');
  const rest = Object.entries(value).filter(
    ([name, field]) => field !== null && !OWN_FIELDS.has(name) && !(name === 'annotations' && isPlain),
  );
  return {
    content: [assistantTurn(response)],
    ...(score !== undefined && { score }),
    ...(given.length > 0 && { ratings }),
    ...(typeof value['model'] === 'string' && { model: value['model'] }),
    ...(rest.length > 0 && { fields: Object.fromEntries(rest) }),
  };
}

function completionOf({ content, model, score, ratings = {}, fields }: RankedAnswer): JsonRecord | undefined {
  const response = onlyText(content, 'assistant');
  if (response === undefined) return undefined;
  const annotations = Object.entries(ratings).map(([aspect, rating]) => [aspect, { Rating: String(rating) }]);
  return {
    ...(model !== undefined && { model }),
    response,
    ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) as JsonRecord }),
    ...(score !== undefined && { 'fine-grained_score': score }),
    ...fields,
  };
}
