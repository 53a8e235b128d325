import {
  createFieldReader,
  type Content,
  type FieldReader,
  type UnpairedRow,
  type RankedAnswer,
  type RankingRow,
  type RowOrigin,
  type Vote,
} from '../data/index.ts';
import { finiteNumber, isObject } from '../core/index.ts';
import type { EditRow } from './edits.ts';

/** The plain records that data build reads beside the formats of preference data. */
export type PlainShape = 'ratings' | 'votes' | 'answers' | 'labels' | 'thumbs' | 'edits';

export interface ReadContext {
  readonly fields: FieldReader;
  readonly origin: RowOrigin;
  readonly id: string;
  readonly shape: PlainShape;
}

const UP: readonly unknown[] = ['up', 'good', true, 1, '1', 'true'];
const DOWN: readonly unknown[] = ['down', 'bad', false, 0, -1, '0', '-1', 'false'];

/** {"prompt", "original", "edited"}. */
export function readEdit({ fields, origin, id }: ReadContext): EditRow {
  const [prompt, original, edited] = [filled(fields, 'prompt'), filled(fields, 'original'), filled(fields, 'edited')];
  return { id, origin, prompt, original, edited, ...rest(fields) };
}

/** {"prompt", "answer", "thumb"}: up or down, good or bad, true or false, 1 or 0 or -1. */
export function readThumb({ fields, origin, id }: ReadContext): UnpairedRow {
  const [prompt, completion] = [filled(fields, 'prompt'), filled(fields, 'answer')];
  const thumb = finiteNumber(fields.value('thumb')) ?? fields.value('thumb');
  if (!UP.includes(thumb) && !DOWN.includes(thumb))
    fields.wrong('thumb', 'up or down (or true, false, 1, 0, -1)', thumb);
  return { id, origin, prompt, completion, label: UP.includes(thumb), ...rest(fields) };
}

/**
 * {"prompt", "answers"} with answers as texts (best first, for ratings) or objects {"text", "rating" or "rank", "model"}; {"prompt", "answer", "rating"};
 * {"prompt", "a", "b"} with "vote" ("a", "b", "tie") and "annotator", or "votes", a list of them.
 */
export function readPlainRanking({ fields, origin, id, shape }: ReadContext): RankingRow {
  const prompt = filled(fields, 'prompt');
  const answers = answersOf(fields, shape);
  const votes = shape === 'votes' || shape === 'labels' ? readVotes(fields, answers.length) : undefined;
  return { id, origin, prompt, answers, ...(votes && { votes }), ...rest(fields) };
}

function answersOf(fields: FieldReader, shape: PlainShape): RankedAnswer[] {
  if (fields.value('answers') !== undefined) {
    const list = fields.list('answers');
    if (list.length < 2) fields.wrong('answers', 'a list of at least two answers', list);
    return list.map((item, i) => readAnswer(fields, item, { place: i, shape }));
  }
  if (shape === 'ratings') {
    const content = filled(fields, 'answer');
    const score = fields.optionalNumber('rating');
    const model = fields.optionalText('model');
    if (score === undefined) fields.wrong('rating', 'a number', undefined);
    return [{ content, ...(score !== undefined && { score }), ...(model !== undefined && { model }) }];
  }
  return [{ content: filled(fields, 'a') }, { content: filled(fields, 'b') }];
}

function readAnswer(
  fields: FieldReader,
  item: unknown,
  { place, shape }: { readonly place: number; readonly shape: PlainShape },
): RankedAnswer {
  if (typeof item === 'string') {
    if (item.trim() === '') fields.wrong(`answers.${place}`, 'a text that is not empty', item);
    // Texts alone are a ranking by their order.
    return { content: item, ...(shape === 'ratings' && { rank: place }) };
  }
  if (!isObject(item)) {
    fields.wrong(`answers.${place}`, 'a text or an object with text and rating', item);
    return { content: '' };
  }
  const own = createFieldReader(item, `answers.${place}.`);
  const content = filled(own, own.value('text') === undefined ? 'content' : 'text');
  const [score, rank] = [own.optionalNumber('rating') ?? own.optionalNumber('score'), own.optionalNumber('rank')];
  const model = own.optionalText('model');
  const ratings = ratingsOf(own.value('ratings'));
  if (ratings === undefined && own.value('ratings') !== undefined)
    own.wrong('ratings', 'an object of numbers by aspect', own.value('ratings'));
  fields.problems.push(...own.problems);
  return {
    content,
    ...(score !== undefined && { score }),
    ...(rank !== undefined && { rank }),
    ...(model !== undefined && { model }),
    ...(ratings && { ratings }),
  };
}

function ratingsOf(value: unknown): Record<string, number> | undefined {
  if (!isObject(value)) return undefined;
  const ratings = Object.entries(value).map(([aspect, rating]) => [aspect, finiteNumber(rating)] as const);
  return ratings.every(([, rating]) => rating !== undefined)
    ? (Object.fromEntries(ratings) as Record<string, number>)
    : undefined;
}

function readVotes(fields: FieldReader, answers: number): Vote[] {
  const annotator = fields.id('annotator');
  const given = fields.value('votes') === undefined ? [fields.value('vote')] : fields.list('votes');
  return given.flatMap((value, i) => {
    const own = isObject(value) ? value : { vote: value };
    const choice = choiceOf(own['vote'], answers);
    const path = fields.value('votes') === undefined ? 'vote' : `votes.${i}`;
    if (choice === undefined)
      fields.wrong(path, `a, b or tie, or the place of an answer below ${answers}`, own['vote']);
    const who = 'annotator' in own ? String(own['annotator']) : annotator;
    return choice === undefined ? [] : [{ choice, ...(who !== undefined && { annotator: who }) }];
  });
}

function choiceOf(value: unknown, answers: number): Vote['choice'] | undefined {
  if (value === 'tie' || value === 'both-bad') return value;
  const place =
    typeof value === 'string' && /^[a-z]$/i.test(value) ? value.toLowerCase().charCodeAt(0) - 97 : finiteNumber(value);
  return place !== undefined && Number.isInteger(place) && place >= 0 && place < answers ? place : undefined;
}

function filled(fields: FieldReader, name: string): Content {
  const before = fields.problems.length;
  const content = fields.content(name);
  const isEmpty = typeof content === 'string' ? content.trim() === '' : content.length === 0;
  if (isEmpty && fields.problems.length === before) fields.wrong(name, 'not empty', content);
  return content;
}

function rest(fields: FieldReader): Pick<RankingRow, 'tools' | 'templateVariables' | 'meta'> {
  const tools = fields.tools();
  const templateVariables = fields.templateVariables();
  const meta = fields.meta();
  return { ...(tools && { tools }), ...(templateVariables && { templateVariables }), ...(meta && { meta }) };
}
