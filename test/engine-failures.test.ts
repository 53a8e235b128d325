import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, createEngine, generatorOf } from '../src/generate/index.ts';
import { plainDecoder } from '../src/models/index.ts';
import { openDevice, type DeviceTensor } from '../src/runtime/index.ts';
import {
  ask,
  PROMPTS,
  firstToken,
  loraOf,
  openSmallModel,
  tokenizer,
  watch,
  type SmallModel,
} from './support/engine.ts';

/** What an engine refuses, and what fails in it without reaching others. */
let small: SmallModel;

beforeAll(async () => {
  small = await openSmallModel();
});
afterAll(() => small.device.dispose());

describe('the queue', () => {
  it('refuses what is above its limits, and takes it when there is room', async () => {
    const engine = await small.engineOf({ maxRows: 1, maxWaiting: 2, maxWaitingTokens: 8 });
    const request = { prompt: [1, 2, 3, 4], maxNewTokens: 20 };
    const running = engine.submit(request);
    await firstToken(running);
    expect(engine.hasRoom(100)).toBe(true);
    const waiting = [engine.submit(request), engine.submit({ ...request, prompt: [1, 2, 3] })];
    const refusal = {
      code: 'busy',
      message:
        'generate: the queue must have room for the request (4 tokens), got 2 waiting (7 tokens) where 2 (8 tokens) may; ' +
        'try again later, or raise maxWaiting or maxWaitingTokens',
    };
    expect(() => engine.submit(request)).toThrow(expect.objectContaining(refusal) as Error);
    waiting[1]!.cancel();
    // Eight tokens may wait.
    expect([engine.hasRoom(4), engine.hasRoom(5)]).toEqual([true, false]);
    waiting.push(engine.submit(request));
    expect(engine.stats()).toMatchObject({ running: 1, waiting: 2, waitingTokens: 8, refused: 1, cancelled: 1 });
    const results = await Promise.allSettled([running, ...waiting].map(({ answer }) => answer));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    await engine.dispose();
  });

  it('has limits that are whole numbers', () => {
    expect(() => createEngine(small.device, { maxRows: 0, maxWaiting: -1, stepTokens: 0.5 })).toThrow(
      [
        'generate: maxRows must be a whole number of at least 1, got 0',
        'generate: stepTokens must be a whole number of at least 1, got 0.5',
        'generate: maxWaiting must be a whole number of at least 0, got -1',
      ].join('\n'),
    );
  });

  it('begins at once what need not wait, though nothing may wait', async () => {
    const engine = await small.engineOf({ maxRows: 3, maxWaiting: 0 });
    expect(await ask(engine)).toEqual(await small.alone());
    const submissions = PROMPTS.map((prompt) => engine.submit({ prompt, maxNewTokens: 5 }));
    expect(() => engine.submit({ prompt: [1], maxNewTokens: 1 })).toThrow('try again later');
    await Promise.all(submissions.map(({ answer }) => answer));
    await engine.dispose();
  });

  it('has a place again when a signal ends what waits or runs', async () => {
    const engine = await small.engineOf({ maxRows: 1, maxWaiting: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const request = { prompt: [1, 2], maxNewTokens: 60 };
    const running = engine.submit({ ...request, signal: first.signal });
    await firstToken(running);
    const waiting = engine.submit({ ...request, signal: second.signal });
    expect(engine.hasRoom(1)).toBe(false);
    second.abort();
    await expect(waiting.answer).rejects.toMatchObject({ code: 'cancelled' });
    expect(engine.hasRoom(1)).toBe(true);
    const next = engine.submit({ prompt: [1, 2], maxNewTokens: 3 });
    first.abort();
    await expect(running.answer).rejects.toMatchObject({ code: 'cancelled' });
    expect((await next.answer).ids).toHaveLength(3);
    const late = engine.submit({ ...request, signal: first.signal });
    await expect(late.answer).rejects.toMatchObject({ code: 'cancelled' });
    await engine.dispose();
  });

  it('takes a long list of prompts as it has room', async () => {
    const engine = await small.engineOf({ maxRows: 2, maxWaiting: 1 });
    const generator = generatorOf(engine, { decoder: plainDecoder(small.config) });
    const prompts = Array.from({ length: 10 }, (_, i) => PROMPTS[i % 3]!);
    const expected = await small.alone();
    const ended: number[] = [];
    const answers = await generator.generate(prompts, { maxNewTokens: 12, onAnswer: (row) => void ended.push(row) });
    expect(answers.map(({ ids }) => [...ids])).toEqual(prompts.map((_, i) => expected[i % 3]));
    expect(ended.toSorted((a, b) => a - b)).toEqual(prompts.map((_, i) => i));
    expect(engine.stats()).toMatchObject({ answered: 10, refused: 0 });
    const controller = new AbortController();
    const stopped = generator.generate(prompts, {
      maxNewTokens: 12,
      signal: controller.signal,
      onAnswer: () => controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    expect(engine.stats()).toMatchObject({ running: 0, waiting: 0 });
    await generator.dispose();
  });
});

describe('what fails', () => {
  it('a step: its answers say so, and later ones are what they would have been', async () => {
    const watched = watch(small.device);
    const before = await small.residentBytes();
    const engine = await small.engineOf({ keepsPrefix: true }, watched.device);
    const expected = await small.alone();
    const submissions = PROMPTS.map((prompt) => engine.submit({ prompt, maxNewTokens: 40 }));
    await firstToken(submissions[0]!);
    watched.failSteps(1);
    const results = await Promise.allSettled(submissions.map(({ answer }) => answer));
    for (const result of results)
      expect(result).toMatchObject({
        status: 'rejected',
        reason: {
          code: 'run-failed',
          message:
            'generate: a step must run through, it failed: the device fell over; where memory is short, ask for shorter prompts or fewer answers at once',
        },
      });
    expect(await ask(engine)).toEqual(expected);
    expect(engine.stats()).toMatchObject({ failed: 3, answered: 3 });
    await engine.dispose();
    expect(await small.residentBytes()).toBe(before);
  });

  it.each([
    ['has moved the others into a cache of their own', [3, 3, 40]],
    ['goes on in the cache of all', [3, 40, 40]],
  ])('a step after some have ended, which %s: nothing of that is used again', async (_what, lengths) => {
    const watched = watch(small.device);
    const engine = await small.engineOf({ keepsPrefix: true }, watched.device);
    const expected = await small.alone();
    const before = await small.residentBytes();
    let left = 3;
    const onToken = (): void => void (--left === 0 && watched.failSteps(1));
    const results = await Promise.allSettled(
      PROMPTS.map(
        (prompt, i) => engine.submit({ prompt, maxNewTokens: lengths[i]!, ...(i === 0 && { onToken }) }).answer,
      ),
    );
    expect(results.map(({ status }) => status)).toEqual(
      lengths.map((length) => (length === 3 ? 'fulfilled' : 'rejected')),
    );
    expect(await small.residentBytes()).toBe(before);
    for (const [i, prompt] of PROMPTS.entries()) {
      const { ids, cachedTokens } = await engine.submit({ prompt, maxNewTokens: 12 }).answer;
      expect(ids).toEqual(expected[i]);
      // Only the token that all prompts begin with is of an answer before.
      expect(cachedTokens).toBe(i === 0 ? undefined : 1);
    }
    await engine.dispose();
  });

  it('a prompt that memory is too small for: those under way go on', async () => {
    const watched = watch(small.device);
    const engine = await small.engineOf({ stepTokens: 16 }, watched.device);
    const expected = await small.alone(undefined, undefined, 30);
    const asked = ask(engine, undefined, 30);
    const long = Array.from({ length: 60 }, (_, i) => 1 + (i % 20));
    const running = engine.submit({ prompt: PROMPTS[0]!, maxNewTokens: 30 });
    // The second one comes when all are in one cache.
    for (let i = 0; i < 2; i++) await firstToken(running);
    const before = await small.residentBytes();
    watched.limit(4 * small.config.keyValueHeads * small.config.headSize * 50);
    const failing = engine.submit({ prompt: long, maxNewTokens: 2 });
    await expect(failing.answer).rejects.toThrow('it failed: Array buffer allocation failed; where memory is short');
    expect(await small.residentBytes()).toBeLessThanOrEqual(before);
    expect(await asked).toEqual(expected);
    expect([...(await running.answer).ids]).toEqual(expected[0]);
    watched.limit(Infinity);
    expect((await engine.submit({ prompt: long, maxNewTokens: 2 }).answer).ids).toHaveLength(2);
    await engine.dispose();
  });

  it('an adapter of what is not finite: the others answer, and so does its successor', async () => {
    const engine = await small.engineOf();
    const lora = loraOf(2, 2);
    const broken = small.tensorsOf(lora, 1);
    for (const { data } of broken.values()) data.fill(NaN);
    await engine.addAdapter('broken', { lora, tensors: broken });
    const failing = PROMPTS.map((prompt) => engine.submit({ prompt, maxNewTokens: 12, adapter: 'broken' }));
    const others = ask(engine);
    for (const { answer } of failing) await expect(answer).rejects.toMatchObject({ code: 'run-failed' });
    expect(await others).toEqual(await small.alone());
    await engine.addAdapter('broken', { lora, tensors: small.tensorsOf(lora, 1) }, { replaces: true });
    expect(await ask(engine, 'broken')).toEqual(await small.alone(lora, small.tensorsOf(lora, 1)));
    await engine.dispose();
  });

  it('the device: every answer is told, and nobody waits', async () => {
    const own = await openDevice({ threads: 1 });
    const resident = new Map<string, DeviceTensor>();
    for (const [name, tensor] of small.model.weights) resident.set(name, await own.upload(await tensor.read()));
    const engine = createEngine(own, { maxRows: 1 });
    await engine.addModel(BASE, { decoder: plainDecoder(small.config), tokenizer, resident });
    const submissions = PROMPTS.map((prompt) => engine.submit({ prompt, maxNewTokens: 60 }));
    await firstToken(submissions[0]!);
    await own.dispose();
    const results = await Promise.allSettled(submissions.map(({ answer }) => answer));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await engine.dispose();
  });
});
