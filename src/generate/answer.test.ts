import { describe, expect, it } from 'vitest';
import type { TokenConstraint } from '../grammar/index.ts';
import { beginAnswer, type AnswerOptions, type AnswerState, type StreamedToken } from './answer.ts';

/** Answers one prompt from the same scores at every token. */
function answerOf(
  scores: readonly number[],
  options: Partial<AnswerOptions>,
): AnswerState & { tokens: StreamedToken[] } {
  const tokens: StreamedToken[] = [];
  const state = beginAnswer({
    tokenizer: { decode: (ids) => ids.join('') },
    prompt: [0],
    maxNewTokens: 7,
    stopIds: new Set(),
    temperature: 0,
    topP: 1,
    seed: 1,
    stream: 0,
    onToken: (token) => void tokens.push(token),
    ...options,
  });
  while (!state.isOver) state.accept(Float32Array.from(scores));
  return Object.assign(state, { tokens });
}

const SCORES = [3, 2, 1, 0];

function idsOf(options: Partial<AnswerOptions>): readonly number[] {
  return answerOf(SCORES, options).finished!.ids;
}

describe('penalties and bias, token by token at temperature 0, by hand', () => {
  it('frequency 0.75 takes the same off each time', () => {
    // 3, 2.25, 1.5 < 2: id 1; 1.5 > 1.25: id 0; 0.75 < 1.25: id 1; 0.75, 0.5 < 1: id 2; then 0.75, 0.5, 0.25, 0: id 0.
    expect(idsOf({ frequencyPenalty: 0.75 })).toEqual([0, 0, 1, 0, 1, 2, 0]);
  });

  it('presence 1.5 takes it off once', () => {
    // 3; 1.5 < 2: id 1; then 1.5, 0.5, 1, 0 for good.
    expect(idsOf({ presencePenalty: 1.5 })).toEqual([0, 1, 0, 0, 0, 0, 0]);
  });

  it('negative ones make an answer cling to what it said', () => {
    expect(answerOf([3, 2.9, 0], { presencePenalty: 2, prompt: [1] }).finished!.ids.slice(0, 2)).toEqual([0, 1]);
    expect(answerOf([3, 2.9, 0], { presencePenalty: -2 }).finished!.ids).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it('do not count the prompt; the repetition penalty counts it from the first token on', () => {
    const prompt = [0, 0, 0, 0];
    expect(idsOf({ prompt, frequencyPenalty: 0.75 })).toEqual([0, 0, 1, 0, 1, 2, 0]);
    // 3 by 2 is 1.5 < 2: id 1, of which 1 is left; then id 0.
    expect(idsOf({ prompt, repetitionPenalty: 2 })).toEqual([1, 0, 0, 0, 0, 0, 0]);
  });

  it('a bias of -100 rules an id out, one of 100 rules it in', () => {
    expect(idsOf({ logitBias: new Map([[0, -100]]) })).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(idsOf({ logitBias: new Map([[3, 100]]), maxNewTokens: 2 })).toEqual([3, 3]);
    expect(idsOf({ logitBias: new Map([[3, 100]]), temperature: 1, maxNewTokens: 2 })).toEqual([3, 3]);
  });

  it("leave log-probabilities as the model's own, at any temperature, and give them with each token", () => {
    const options = { logitBias: new Map([[3, 100]]), temperature: 0.5, presencePenalty: 2, topK: 1, topLogps: 1 };
    const { finished, tokens } = answerOf(SCORES, { ...options, maxNewTokens: 2 });
    const total = Math.exp(3) + Math.exp(2) + Math.exp(1) + 1;
    const logp = { id: 3, logp: -Math.log(total), top: [{ id: 0, logp: 3 - Math.log(total) }] };
    for (const got of [...finished!.logps!, ...tokens.map((token) => token.logp!)]) {
      expect(got.id).toBe(3);
      expect(got.logp).toBeCloseTo(logp.logp, 12);
      expect(got.top.map(({ id }) => id)).toEqual([0]);
      expect(got.top[0]!.logp).toBeCloseTo(logp.top[0]!.logp, 12);
    }
    expect(tokens).toHaveLength(2);
    expect(answerOf(SCORES, {}).tokens[0]).toEqual({ id: 0, text: '0' });
  });
});

/** Allows the ids of a list by place, then none; remembers what came. */
function inOrder(places: readonly (readonly number[])[]): TokenConstraint & { readonly came: number[] } {
  const came: number[] = [];
  const mask = new Uint32Array(1);
  return {
    came,
    allowed: () => {
      mask[0] = (places[came.length] ?? []).reduce((bits, id) => bits | (1 << id), 0);
      return mask;
    },
    accept: (id) => {
      if (!places[came.length]!.includes(id)) throw new Error(`internal: ${id} was not allowed`);
      came.push(id);
    },
    get isComplete() {
      return came.length === places.length;
    },
  };
}

describe('a constraint', () => {
  // Id 3 ends an answer.
  const stopIds = new Set([3]);

  it('has the last word: over bias, penalties and cuts, at temperature 0 and above', () => {
    const places = [[2, 1], [2], [0, 2], [3]];
    const more = { stopIds, logitBias: new Map([[3, 100]]), topLogps: 0 };
    const greedy = inOrder(places);
    const answer = answerOf(SCORES, { ...more, constraint: greedy });
    expect(answer.finished).toMatchObject({ ids: [1, 2, 0], finishReason: 'stop' });
    expect(greedy.came).toEqual([1, 2, 0, 3]);
    expect(answer.tokens.map(({ id }) => id)).toEqual([1, 2, 0, 3]);
    // What is not allowed has its log-probability all the same.
    expect(answer.tokens.every(({ logp }) => Number.isFinite(logp!.logp))).toBe(true);
    for (const cut of [{ topK: 1 }, { topP: 0.01 }, { minP: 0.9 }, { topK: 2, topP: 0.5, minP: 0.5 }]) {
      const drawn = inOrder(places);
      const { finished } = answerOf(SCORES, { ...more, ...cut, temperature: 0.7, constraint: drawn });
      expect(finished).toMatchObject({ ids: [1, 2, 0], finishReason: 'stop' });
    }
  });

  it('draws among what is allowed as the model weighs it', () => {
    const counts = [0, 0, 0, 0];
    for (let seed = 0; seed < 400; seed++) {
      const { finished } = answerOf([9, 1, Math.log(3) + 1, 9], {
        maxNewTokens: 1,
        temperature: 1,
        seed,
        constraint: inOrder([[1, 2]]),
      });
      counts[finished!.ids[0]!]!++;
    }
    // 1 to 3: 300 of 400 are id 2, with a deviation of 8.7.
    expect(counts[0]! + counts[3]!).toBe(0);
    expect(Math.abs(counts[2]! - 300)).toBeLessThan(35);
  });

  it('keeps an answer from ending where the text may not end, however likely that is', () => {
    const constraint = inOrder([
      [0, 1],
      [0, 1],
      [1, 3],
    ]);
    const { finished } = answerOf([0, 1, 0, 50], { stopIds, constraint });
    expect(finished).toMatchObject({ ids: [1, 1], finishReason: 'stop' });
  });

  it('does not hide that an answer was cut', () => {
    const constraint = inOrder([[0], [1]]);
    const { finished } = answerOf(SCORES, { stopIds, constraint, maxNewTokens: 2 });
    expect(finished).toMatchObject({ ids: [0, 1], finishReason: 'length' });
    expect(constraint.isComplete).toBe(true);
    const free = { allowed: () => undefined, accept: () => undefined, isComplete: true };
    expect(answerOf(SCORES, { constraint: free, maxNewTokens: 2 }).finished!.ids).toEqual([0, 0]);
  });

  it('that allows nothing, or throws, is the failure of its answer', () => {
    const nothing = answerOf(SCORES, { constraint: inOrder([[0]]) });
    expect(nothing.failure).toMatchObject({
      code: 'run-failed',
      message:
        'internal: a constraint must allow at least one of 4 tokens, it allows none; it was made for another tokenizer, or its rules contradict each other',
    });
    const throwing: TokenConstraint = {
      allowed: () => undefined,
      accept: (id) => {
        throw new Error(`internal: ${id} was not allowed`);
      },
      isComplete: false,
    };
    expect(answerOf(SCORES, { constraint: throwing }).failure?.message).toBe('internal: 0 was not allowed');
    // Bits behind the vocabulary are no ids.
    const behind = { ...throwing, allowed: () => Uint32Array.of(0xf0, 1) };
    expect(answerOf(SCORES, { constraint: behind }).failure?.message).toContain('it allows none');
  });
});
