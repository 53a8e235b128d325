import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Engine, GenerationRequest, Submission } from '../src/generate/index.ts';
import type { Device } from '../src/runtime/index.ts';
import { firstToken, openSmallModel, PROMPTS, watch, type SmallModel } from './support/engine.ts';

let small: SmallModel;
beforeAll(async () => {
  small = await openSmallModel();
});
afterAll(() => small.device.dispose());

const PROMPT = Array.from({ length: 40 }, (_, i) => 1 + ((i * 7) % 25));

/** A device that counts the tokens that each step reads, and calls `onStep` before each. */
function counting(onStep: (step: number) => void = () => undefined) {
  const { device, failSteps } = watch(small.device);
  const tokens: number[] = [];
  const counted: Device = {
    ...device,
    compile: async (source, options) => {
      const program = await device.compile(source, options);
      if (options.label !== 'generate') return program;
      return {
        ...program,
        run: async (inputs, run) => {
          tokens.push((inputs['tokens'] as { shape: readonly number[] }).shape[0]!);
          const outputs = await program.run(inputs, run);
          onStep(tokens.length);
          return outputs;
        },
      };
    },
  };
  return { device: counted, tokens, failSteps };
}

/** Several answers to one prompt, of different lengths, that draw differently. */
function requests(count: number, more: Partial<GenerationRequest> = {}): GenerationRequest[] {
  return Array.from({ length: count }, (_, stream) => ({
    prompt: PROMPT,
    maxNewTokens: 3 + 4 * stream,
    temperature: 1,
    seed: 2,
    stream,
    ...more,
  }));
}

async function alone(asked: readonly GenerationRequest[]): Promise<Answer[]> {
  const engine = await small.engineOf();
  const answers: Answer[] = [];
  for (const request of asked) answers.push(await engine.submit(request).answer);
  await engine.dispose();
  return answers;
}

const together = (engine: Engine, asked: readonly GenerationRequest[]): Promise<Answer[]> =>
  Promise.all(asked.map((request) => engine.submit(request).answer));

describe('several answers to one prompt', () => {
  it('read it once, and are what each is alone', async () => {
    const asked = requests(4);
    const expected = await alone(asked);
    expect(new Set(expected.map(({ ids }) => ids.slice(0, 3).join())).size).toBeGreaterThan(1);
    const { device, tokens } = counting();
    const before = await small.residentBytes();
    const engine = await small.engineOf({}, device);
    expect(await together(engine, asked)).toEqual(expected);
    // The prompt, then a token for each answer that is under way.
    expect(tokens.slice(0, 4)).toEqual([40, 4, 4, 3]);
    expect(engine.stats()).toMatchObject({ answered: 4, sharedTokens: 120, promptTokens: 160, cachedTokens: 0 });
    await engine.dispose();
    expect(await small.residentBytes()).toBe(before);
  });

  it('and answers to others, in slices, beside those that are under way', async () => {
    const others = PROMPTS.map((prompt) => ({ prompt, maxNewTokens: 20 }));
    const asked = [requests(3), others, requests(3, { seed: 9 })].flat();
    const expected = await alone(asked);
    const { device, tokens } = counting();
    const engine = await small.engineOf({ stepTokens: 16, keepsPrefix: true }, device);
    const running = engine.submit({ prompt: [2, 4], maxNewTokens: 30 });
    await firstToken(running);
    expect(await together(engine, asked)).toEqual(expected);
    await running.answer;
    // Of prompts 2, then 40, 4 + 2 + 5 together, and 40 again behind these; a token each for all tokens but the first ones.
    const drawn = [...asked, { maxNewTokens: 30 }].reduce((sum, { maxNewTokens }) => sum + maxNewTokens - 1, 0);
    expect(tokens.reduce((sum, count) => sum + count, 0)).toBe(2 + 40 + 11 + 40 + drawn);
    // And again, behind what is kept of the last answer.
    const again = await together(engine, requests(3));
    expect(again.map(({ ids }) => ids)).toEqual(expected.slice(0, 3).map(({ ids }) => ids));
    await engine.dispose();
  });

  it('share what an earlier answer left of it', async () => {
    const expected = await alone(requests(3));
    const engine = await small.engineOf({ keepsPrefix: true });
    await engine.submit({ prompt: PROMPT.slice(0, 30), maxNewTokens: 1 }).answer;
    const answers = await together(engine, requests(3));
    expect(answers).toEqual(expected.map((answer) => ({ ...answer, cachedTokens: 30 })));
    await engine.dispose();
  });

  it('with log-probabilities of the prompt, which each has; who asks for others reads it again', async () => {
    const asked = requests(3, { promptLogps: 2, maxNewTokens: 2 });
    const expected = await alone(asked);
    const { device, tokens } = counting();
    const engine = await small.engineOf({ stepTokens: 16 }, device);
    expect(await together(engine, [...asked, ...requests(1)])).toEqual([...expected, ...(await alone(requests(1)))]);
    expect(tokens.reduce((sum, count) => sum + count, 0)).toBe(40 + 3 + 40 + 2);
    await engine.dispose();
  });

  it.each([
    [1, {}],
    [2, { promptLogps: 1 }],
    [3, { promptLogps: 1 }],
  ])('lose none when the first one is cancelled in step %i', async (when, more) => {
    const asked = requests(4, more);
    const expected = await alone(asked);
    const { device } = counting((step) => step === when && submissions[0]!.cancel());
    const engine = await small.engineOf({ stepTokens: 15 }, device);
    const submissions = asked.map((request) => engine.submit(request));
    const results = await Promise.allSettled(submissions.map(({ answer }) => answer));
    expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } });
    expect(results.slice(1)).toEqual(expected.slice(1).map((value) => ({ status: 'fulfilled', value })));
    expect(engine.stats()).toMatchObject({ answered: 3, cancelled: 1, running: 0 });
    await engine.dispose();
  });

  it('go on when the first one ends with its first token, and when others are cancelled while it is read', async () => {
    const asked = requests(4).map((request, i) => (i === 0 ? { ...request, maxNewTokens: 1 } : request));
    const expected = await alone(asked);
    const { device } = counting((step) => step === 1 && submissions[2]!.cancel());
    const engine = await small.engineOf({ stepTokens: 15 }, device);
    const submissions = asked.map((request) => engine.submit(request));
    const results = await Promise.allSettled(submissions.map(({ answer }) => answer));
    for (const [i, result] of results.entries())
      if (i === 2) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } });
      else expect(result).toEqual({ status: 'fulfilled', value: expected[i] });
    await engine.dispose();
  });

  it('has room for a long answer beside prompts that take many steps', async () => {
    // One token of a prompt a step: 80 steps, in a cache that is made for 40 positions. The first answer to [5] ends at once, and the second one takes its row.
    const scored = [PROMPT, PROMPT.toReversed()].map((prompt) => ({ prompt, maxNewTokens: 0, promptLogps: 0 }));
    const short = [1, 60].map((maxNewTokens) => ({ prompt: [5], maxNewTokens, promptLogps: 0 }));
    const engine = await small.engineOf({ stepScores: 1 });
    const answers = await together(engine, [...short, ...scored]);
    expect(answers.map(({ ids }) => ids.length)).toEqual([1, 60, 0, 0]);
    expect(answers[1]!.ids).toEqual((await alone(short))[1]!.ids);
    await engine.dispose();
  });

  it('are what each is alone, whatever joins, is scored, sliced, kept or cancelled beside it', async () => {
    const prompts = [PROMPT, PROMPT.slice(0, 12), [...PROMPT.slice(0, 12), 3], [5]];
    const known = new Map<string, Promise<Answer>>();
    const reference = await small.engineOf();
    const request = fc.record({
      prompt: fc.constantFrom(...prompts),
      maxNewTokens: fc.integer({ min: 1, max: 9 }),
      temperature: fc.constantFrom(0, 1),
      stream: fc.nat(2),
      stopIds: fc.constantFrom([], [13, 21, 95, 5, 60]),
      promptLogps: fc.constantFrom(undefined, undefined, 0, 1),
      presencePenalty: fc.constantFrom(0, 1),
    });
    const arrivals = fc.record({
      options: fc.record({
        maxRows: fc.integer({ min: 1, max: 7 }),
        stepTokens: fc.constantFrom(512, 3, 16),
        stepScores: fc.constantFrom(2 ** 22, 700, 1),
        keepsPrefix: fc.boolean(),
      }),
      // The token after which it is cancelled, and whether the next one waits for a turn.
      asked: fc.array(fc.tuple(request, fc.constantFrom(0, 1, 3, 100, 100, 100), fc.boolean()), {
        minLength: 8,
        maxLength: 12,
      }),
    });
    const check = async (
      { prompt, ...more }: GenerationRequest,
      { answer }: Pick<Submission, 'answer'>,
    ): Promise<void> => {
      const key = JSON.stringify({ prompt, ...more });
      known.set(key, known.get(key) ?? reference.submit({ prompt, ...more }).answer);
      const [got, expected] = [await answer, await known.get(key)!];
      expect([got.ids, got.finishReason]).toEqual([expected.ids, expected.finishReason]);
      expect(got.promptLogps?.map((one) => one?.id)).toEqual(expected.promptLogps?.map((one) => one?.id));
      for (const [i, one] of (got.promptLogps ?? []).entries())
        expect(one?.logp ?? 0).toBeCloseTo(expected.promptLogps![i]?.logp ?? 0, 5);
    };
    await fc.assert(
      fc.asyncProperty(arrivals, async ({ options, asked }) => {
        const engine = await small.engineOf(options);
        const ends: Promise<void>[] = [];
        for (const [one, cancelAfter, waits] of asked) {
          let came = 0;
          const onToken = (): void => void (++came === cancelAfter && submission.cancel());
          const submission = engine.submit({ ...one, onToken });
          if (cancelAfter === 0) queueMicrotask(submission.cancel);
          const end = check(one, submission).catch((error: unknown) => {
            if ((error as { code?: string }).code !== 'cancelled') throw error;
          });
          ends.push(end);
          if (waits) await new Promise((resolve) => setTimeout(resolve));
        }
        await Promise.all(ends);
        expect(engine.stats()).toMatchObject({ running: 0, waiting: 0, failed: 0 });
        await engine.dispose();
      }),
      { numRuns: 12, seed: 2 },
    );
    await reference.dispose();
  });

  it('all fail where reading fails, and nothing of it stays', async () => {
    const before = await small.residentBytes();
    const { device, failSteps } = counting();
    const engine = await small.engineOf({}, device);
    failSteps(1);
    const results = await Promise.allSettled(requests(3).map((request) => engine.submit(request).answer));
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'run-failed' } });
    expect(await together(engine, requests(3))).toEqual(await alone(requests(3)));
    await engine.dispose();
    expect(await small.residentBytes()).toBe(before);
  });
});
