import { extractTurnsPrompt } from '../tokens/extract-prompt.ts';
import { createFieldReader } from '../fields.ts';
import { has } from '../../core/index.ts';
import { refused, rowOfKind, rowUnless, type DataFormat } from '../format.ts';
import { spelledNumber } from '../row-meta.ts';
import { verdictOf } from '../pair-of-ranking.ts';
import type { RankedAnswer, Vote } from '../row.ts';
import { recordOf, rowExtras, turnList } from './record-parts.ts';

const CHOICES: Readonly<Record<string, Vote['choice']>> = {
  model_a: 0,
  model_b: 1,
  tie: 'tie',
  'tie (bothbad)': 'both-bad',
};

/**
 * Battles of Chatbot Arena: two conversations, the models that held them, and who won. The prompt is what both begin with; in
 * a battle of several turns the answers hold the user's later turns, because they follow different answers.
 * Source: github.com/lm-sys/FastChat, fastchat/serve/monitor/clean_battle_data.py; huggingface.co/datasets/lmsys/chatbot_arena_conversations.
 */
export const ARENA: DataFormat = {
  name: 'arena',
  kind: 'ranking',
  content: 'turns',
  description: 'conversation_a, conversation_b, model_a, model_b; winner: model_a, model_b, tie or tie (bothbad)',
  detect: (record) => {
    const names = ['conversation_a', 'conversation_b', 'winner'].filter((name) => has(record, name)).length;
    return names === 3 ? 1 : names === 2 ? 0.1 : 0;
  },
  parse(record, { id, origin }) {
    const fields = createFieldReader(record);
    const ownId = fields.id('question_id') ?? id;
    const [a, b] = [fields.messages('conversation_a'), fields.messages('conversation_b')];
    const models = [fields.optionalText('model_a'), fields.optionalText('model_b')];
    const winner = fields.text('winner');
    const choice = Object.hasOwn(CHOICES, winner) ? CHOICES[winner] : undefined;
    if (choice === undefined && fields.problems.length === 0)
      fields.wrong('winner', `one of ${Object.keys(CHOICES).join(', ')}`, winner);
    const annotator = fields.id('judge');
    // Where both gave the same answer, only the question is the prompt.
    const parts = extractTurnsPrompt(a, b);
    const isOpen = parts.prompt.at(-1)?.role === 'assistant';
    const prompt = isOpen ? parts.prompt.slice(0, -1) : parts.prompt;
    const answers = [a, b].map((turns, side): RankedAnswer => {
      const model = models[side];
      return { content: turns.slice(prompt.length), ...(model !== undefined && { model }) };
    });
    const votes = [{ choice: choice ?? 'tie', ...(annotator !== undefined && { annotator }) }];
    const row = { id: ownId, origin, prompt, answers, votes, ...rowExtras(fields) };
    return rowUnless(fields.problems, { kind: 'ranking', row });
  },
  write(row) {
    const ranking = rowOfKind(row, 'ranking');
    const { prompt, answers, votes = [], ...rest } = ranking;
    if (answers.length !== 2) return refused('has two answers');
    if (votes.length > 1) return refused('has one vote a row');
    const choice = votes[0]?.choice ?? verdictOf(ranking);
    const winner = Object.entries(CHOICES).find(([, known]) => known === choice)?.[0];
    if (winner === undefined) return refused('needs a verdict');
    const [a, b] = answers.map(({ content }) => [...turnList(prompt), ...turnList(content)]);
    const { createdAt: _createdAt, annotator, ...meta } = rest.meta ?? {};
    const columns = {
      model_a: answers[0]!.model,
      model_b: answers[1]!.model,
      winner,
      judge: votes[0]?.annotator ?? annotator,
      conversation_a: a,
      conversation_b: b,
      tstamp: rest.meta && spelledNumber(rest.meta, 'createdAt'),
    };
    return recordOf({ ...rest, meta }, columns, {
      idField: 'question_id',
      reserved: ['model_a', 'model_b', 'judge', 'tstamp', 'created_at', 'timestamp'],
    });
  },
};
