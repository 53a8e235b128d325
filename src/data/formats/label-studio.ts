import { createFieldReader, type FieldReader } from '../fields.ts';
import { has, isNumber, isObject, type JsonRecord } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat, written } from '../format.ts';
import type { Content, RankedAnswer, Vote } from '../row.ts';
import { answerFields, promptField, votesOf } from './answer-fields.ts';
import { assistantTurn, onlyText, ownId, userTurn } from './record-parts.ts';
import { writeMeta } from '../row-meta.ts';

/**
 * Label Studio's JSON export of a project with a Pairwise control: tasks with their data and annotations. Left is the first
 * answer; an annotation without a choice is a tie; cancelled annotations do not count. What the task holds besides stands
 * in the meta field `task`.
 * Source: labelstud.io, guide "Export annotations" and tag "Pairwise".
 */
export const LABEL_STUDIO: DataFormat = {
  name: 'label-studio',
  kind: 'ranking',
  content: 'turns',
  description: 'data: prompt and answers; annotations: results of type pairwise',
  detect: (record) =>
    isObject(record['data']) && has(record, 'annotations')
      ? 1
      : isObject(record['data']) && has(record, 'id')
        ? 0.1
        : 0,
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const data = fields.value('data');
    if (!isObject(data)) fields.wrong('data', 'an object with a prompt and answers', data);
    const inner = createFieldReader(isObject(data) ? data : {}, 'data.');
    const prompt = readPrompt(inner, isObject(data) ? promptField(data) : undefined);
    const names = isObject(data) ? answerFields(data).slice(0, 2) : [];
    if (names.length < 2) inner.wrong('answer1', 'a text, and so must data.answer2', undefined);
    const answers = names.map((name): RankedAnswer => ({ content: [assistantTurn(inner.text(name))] }));
    const votes = fields
      .list('annotations')
      .flatMap((annotation, index) => readVote(fields, `annotations.${index}`, annotation));
    const meta = inner.meta();
    const task = fields.meta();
    const { spelled, fields: further, ...typed } = task ?? {};
    const rest = task && { ...typed, ...spelled, ...further };
    const all = rest === undefined ? meta : { ...meta, fields: { ...meta?.fields, task: rest } };
    const row = { id, origin, prompt, answers, ...(votes.length > 0 && { votes }), ...(all && { meta: all }) };
    return rowUnless([...fields.problems, ...inner.problems], { kind: 'ranking', row });
  },
  write(row) {
    const ranking = rowOfKind(row, 'ranking');
    const { prompt, answers, meta } = ranking;
    const texts = answers.map(({ content }) => onlyText(content, 'assistant'));
    if (answers.length !== 2 || texts.includes(undefined)) return refused('has two answers of one turn of text');
    const { fields: { task, ...others } = {}, ...typed } = meta ?? {};
    const id = ownId(ranking);
    return written({
      ...(isObject(task) ? task : {}),
      id: id !== undefined && /^\d{1,15}$/.test(id) ? Number(id) : id,
      data: {
        ...writeMeta({ ...typed, fields: others }),
        prompt: onlyText(prompt, 'user') ?? prompt,
        answer1: texts[0],
        answer2: texts[1],
      },
      annotations: votesOf(ranking).map(({ choice, annotator, fields }) => ({
        ...fields,
        ...(annotator !== undefined && { completed_by: annotator }),
        result:
          typeof choice === 'number'
            ? [
                {
                  from_name: 'preference',
                  to_name: 'answer1,answer2',
                  type: 'pairwise',
                  value: { selected: choice === 0 ? 'left' : 'right' },
                },
              ]
            : [],
      })),
    });
  },
};

function readPrompt(fields: FieldReader, name: string | undefined): Content {
  if (name === undefined) {
    fields.wrong('prompt', 'a text or a list of messages', undefined);
    return [];
  }
  const prompt = fields.content(name);
  return typeof prompt === 'string' ? [userTurn(prompt)] : prompt;
}

function readVote(fields: FieldReader, path: string, annotation: unknown): Vote[] {
  const result = isObject(annotation) ? annotation['result'] : undefined;
  if (!isObject(annotation) || !Array.isArray(result)) {
    fields.wrong(`${path}.result`, 'a list', result);
    return [];
  }
  if (annotation['was_cancelled'] === true) return [];
  const { result: _result, completed_by: by, ...rest } = annotation;
  const pairwise = result.find((entry): entry is JsonRecord => isObject(entry) && entry['type'] === 'pairwise');
  const selected = isObject(pairwise?.['value']) ? pairwise['value']['selected'] : undefined;
  if (pairwise !== undefined && selected !== 'left' && selected !== 'right') {
    fields.wrong(`${path}.result.value.selected`, 'left or right', selected);
    return [];
  }
  const annotator = isObject(by) ? (by['email'] ?? by['id']) : by;
  const others = result.filter((entry) => entry !== pairwise);
  const kept = Object.entries({ ...rest, ...(others.length > 0 && { other_results: others }) }).filter(
    ([, value]) => value !== null,
  );
  return [
    {
      choice: selected === 'left' ? 0 : selected === 'right' ? 1 : 'tie',
      ...((typeof annotator === 'string' || isNumber(annotator)) && { annotator: String(annotator) }),
      ...(kept.length > 0 && { fields: Object.fromEntries(kept) }),
    },
  ];
}
