import { createFieldReader } from '../fields.ts';
import { has } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import type { RankedAnswer } from '../row.ts';
import { assistantTurn, onlyText, recordOf, rowExtras, userTurn } from './record-parts.ts';

const NO_PLACE = 'has one user turn and answers of one turn, without tool calls';

/**
 * RewardBench: pairs of texts with the models that wrote them and a subset.
 * Source: huggingface.co/datasets/allenai/reward-bench, the card.
 */
export const REWARDBENCH: DataFormat = {
  name: 'rewardbench',
  kind: 'pair',
  content: 'turns',
  description: 'prompt, chosen, rejected: texts; chosen_model, rejected_model, subset',
  detect: (record) => {
    const isText = ['prompt', 'chosen', 'rejected'].every((name) => typeof record[name] === 'string');
    return isText && ['chosen_model', 'rejected_model', 'subset'].every((name) => has(record, name)) ? 1 : 0;
  },
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const prompt = [userTurn(fields.text('prompt'))];
    const [chosen, rejected] = ['chosen', 'rejected'].map((name) => [assistantTurn(fields.text(name))]);
    const row = { id, origin, prompt, chosen: chosen!, rejected: rejected!, ...rowExtras(fields) };
    return rowUnless(fields.problems, { kind: 'pair', row });
  },
  write(row) {
    const { prompt, chosen, rejected, ...rest } = rowOfKind(row, 'pair');
    const asked = onlyText(prompt, 'user');
    const [better, worse] = [onlyText(chosen, 'assistant'), onlyText(rejected, 'assistant')];
    if (asked === undefined || better === undefined || worse === undefined) return refused(NO_PLACE);
    const { source, ...meta } = rest.meta ?? {};
    return recordOf(
      { ...rest, meta },
      { prompt: asked, chosen: better, rejected: worse, subset: source },
      { reserved: ['source'] },
    );
  },
};

/**
 * RewardBench 2: lists of good and of bad answers. `models` names their authors, the good ones first, where there is one for
 * each.
 * Source: huggingface.co/datasets/allenai/reward-bench-2, the card.
 */
export const REWARDBENCH_2: DataFormat = {
  name: 'rewardbench-2',
  kind: 'ranking',
  content: 'turns',
  description: 'prompt: a text; chosen, rejected: lists of texts',
  detect: (record) =>
    typeof record['prompt'] === 'string' && [record['chosen'], record['rejected']].every(isTextList) ? 1 : 0,
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const prompt = [userTurn(fields.text('prompt'))];
    const answers = ['chosen', 'rejected'].flatMap((name, rank) =>
      fields.list(name).map((text, index): RankedAnswer => {
        if (typeof text !== 'string') fields.wrong(`${name}.${index}`, 'a text', text);
        return { content: [assistantTurn(typeof text === 'string' ? text : '')], rank };
      }),
    );
    const models: unknown = record['models'];
    const isNamed =
      Array.isArray(models) && models.length === answers.length && models.every((model) => typeof model === 'string');
    if (isNamed) fields.value('models');
    const named = isNamed ? answers.map((answer, index) => ({ ...answer, model: models[index] as string })) : answers;
    return rowUnless(fields.problems, {
      kind: 'ranking',
      row: { id, origin, prompt, answers: named, ...rowExtras(fields) },
    });
  },
  write(row) {
    const { prompt, answers, votes: _votes, ...rest } = rowOfKind(row, 'ranking');
    const asked = onlyText(prompt, 'user');
    const texts = answers.map(({ content }) => onlyText(content, 'assistant'));
    if (asked === undefined || texts.includes(undefined)) return refused(NO_PLACE);
    const best = Math.min(...answers.map(({ rank = Infinity }) => rank));
    if (best === Infinity) return refused('needs a rank of the best answers');
    const isBest = answers.map(({ rank }) => rank === best);
    const models = answers.map(({ model }) => model);
    return recordOf(rest, {
      prompt: asked,
      chosen: texts.filter((_, index) => isBest[index]),
      rejected: texts.filter((_, index) => !isBest[index]),
      models: models.includes(undefined) ? undefined : models,
    });
  },
};

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
}
