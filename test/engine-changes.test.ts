import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE } from '../src/generate/index.ts';
import { plainDecoder } from '../src/models/index.ts';
import { type DeviceTensor } from '../src/runtime/index.ts';
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

/** Models and adapters that come and go while an engine answers. */
let small: SmallModel;

beforeAll(async () => {
  small = await openSmallModel();
});
afterAll(() => small.device.dispose());

describe('coming and going', () => {
  const lora = loraOf(2, 2);

  it('an adapter that is removed answers what it was asked, takes no more, and gives its memory back', async () => {
    const engine = await small.engineOf({ maxRows: 2 });
    const before = await small.residentBytes();
    await engine.addAdapter('kind', { lora, tensors: small.tensorsOf(lora, 1) });
    const expected = await small.alone(lora, small.tensorsOf(lora, 1), 30);
    // Two run, one waits.
    const submissions = PROMPTS.map((prompt) => engine.submit({ prompt, maxNewTokens: 30, adapter: 'kind' }));
    await firstToken(submissions[0]!);
    let isGone = false;
    const removal = engine.removeAdapter('kind').then(() => (isGone = true));
    expect(() => engine.submit({ prompt: [1], maxNewTokens: 1, adapter: 'kind' })).toThrow(
      "generate: the adapter must be one of the engine's, got kind; there is none",
    );
    expect(engine.stats().responders[1]).toMatchObject({ adapter: 'kind', running: 2, waiting: 1, isLeaving: true });
    const answers = await Promise.all(submissions.map(async ({ answer }) => [...(await answer).ids]));
    expect(answers).toEqual(expected);
    await removal;
    expect(isGone).toBe(true);
    expect(engine.stats().responders.map(({ adapter }) => adapter)).toEqual([undefined]);
    expect(await small.residentBytes()).toBe(before);
    await expect(engine.removeAdapter('kind')).rejects.toThrow("must be one of the engine's, got kind");
    await engine.dispose();
  });

  it('one whose last request was cancelled is gone too, and so is one without requests', async () => {
    const engine = await small.engineOf({ maxRows: 1 });
    const before = await small.residentBytes();
    await engine.addAdapter('kind', { lora, tensors: small.tensorsOf(lora, 1) });
    const running = engine.submit({ prompt: [1, 2], maxNewTokens: 50 });
    const waiting = engine.submit({ prompt: [1, 2], maxNewTokens: 50, adapter: 'kind' });
    await firstToken(running);
    const removal = engine.removeAdapter('kind');
    waiting.cancel();
    await removal;
    await expect(waiting.answer).rejects.toMatchObject({ code: 'cancelled' });
    await engine.addAdapter('kind', { lora, tensors: small.tensorsOf(lora, 1) });
    await engine.removeAdapter('kind');
    await running.answer;
    expect(await small.residentBytes()).toBe(before);
    await engine.dispose();
  });

  it('a name that is there is refused, or replaced where that is asked for; what was asked before is answered as it was', async () => {
    const engine = await small.engineOf();
    const [first, second] = [small.tensorsOf(lora, 1), small.tensorsOf(lora, 2)];
    const adding = engine.addAdapter('kind', { lora, tensors: first });
    await expect(engine.addAdapter('kind', { lora, tensors: second })).rejects.toMatchObject({
      code: 'bad-input',
      message:
        'generate: what is added must have a name of its own, got adapter kind, which is being added; remove that first, or add with replaces',
    });
    await adding;
    await expect(engine.addAdapter('kind', { lora, tensors: second })).rejects.toThrow(
      'got adapter kind, which is there',
    );
    await expect(
      engine.addModel(BASE, { decoder: plainDecoder(small.config), tokenizer, resident: small.model.weights }),
    ).rejects.toThrow('got model the base, which is there');
    const before = ask(engine, 'kind', 30);
    await engine.addAdapter('kind', { lora, tensors: second }, { replaces: true });
    const after = ask(engine, 'kind', 30);
    expect(await before).toEqual(await small.alone(lora, first, 30));
    expect(await after).toEqual(await small.alone(lora, second, 30));
    expect(await after).not.toEqual(await before);
    expect(engine.stats().responders).toHaveLength(2);
    await engine.dispose();
  });

  it('adapters come and go under answers, which stay what they are', async () => {
    const engine = await small.engineOf({ maxRows: 2 });
    const expected = await small.alone(undefined, undefined, 60);
    const asked = ask(engine, undefined, 60);
    for (let round = 0; round < 6; round++) {
      const other = loraOf(2 + (round % 2), 1 + round);
      const tensors = small.tensorsOf(other, round);
      await engine.addAdapter(`${round}`, { lora: other, tensors });
      const answers = ask(engine, `${round}`);
      const removal = engine.removeAdapter(`${round}`);
      expect(await answers).toEqual(await small.alone(other, tensors));
      await removal;
    }
    expect(await asked).toEqual(expected);
    await engine.dispose();
  });

  it('a model leaves with its adapters, and its tensors are given back once, after the last answer', async () => {
    const watched = watch(small.device);
    const engine = await small.engineOf({}, watched.device);
    const weights = new Map<string, DeviceTensor>();
    for (const [name, tensor] of small.model.weights) weights.set(name, await small.device.upload(await tensor.read()));
    let disposals = 0;
    const dispose = async (): Promise<void> => {
      disposals++;
      for (const tensor of weights.values()) await tensor.dispose();
    };
    await engine.addModel('second', { decoder: plainDecoder(small.config), tokenizer, resident: weights, dispose });
    // The same architecture: nothing is compiled.
    expect(watched.compiled).toEqual(['generate', 'cache', 'join']);
    await engine.addAdapter('kind', { lora, tensors: small.tensorsOf(lora, 1), model: 'second' });
    const submission = engine.submit({ prompt: PROMPTS[0]!, maxNewTokens: 12, model: 'second', adapter: 'kind' });
    const removal = engine.removeModel('second');
    const late = engine.addAdapter('late', { lora, tensors: small.tensorsOf(lora, 1), model: 'second' });
    await expect(late).rejects.toThrow("generate: the model must be one of the engine's, got second; there is none");
    expect(() => engine.submit({ prompt: [1], maxNewTokens: 1, model: 'second' })).toThrow('got second; there is none');
    expect(disposals).toBe(0);
    expect([...(await submission.answer).ids]).toEqual((await small.alone(lora, small.tensorsOf(lora, 1)))[0]);
    await removal;
    expect(disposals).toBe(1);
    expect(await ask(engine)).toEqual(await small.alone());
    await engine.dispose();
    expect(disposals).toBe(1);
  });

  it('a model that is removed while an adapter is added to it goes when that has ended', async () => {
    const engine = await small.engineOf();
    let disposals = 0;
    const dispose = async (): Promise<void> => void disposals++;
    await engine.addModel('second', {
      decoder: plainDecoder(small.config),
      tokenizer,
      resident: small.model.weights,
      dispose,
    });
    const adding = engine.addAdapter('kind', { lora, tensors: small.tensorsOf(lora, 1), model: 'second' });
    const removal = engine.removeModel('second');
    await expect(adding).rejects.toThrow(
      'generate: the model of an adapter must stay while that is added, second was removed',
    );
    await removal;
    expect([disposals, engine.stats().responders.length, engine.stats().programs]).toEqual([1, 1, 1]);
    await engine.dispose();
  });

  it('says what it does and holds', async () => {
    const engine = await small.engineOf({ maxRows: 2 });
    const tensors = small.tensorsOf(lora, 1);
    await engine.addAdapter('kind', { lora, tensors });
    const submissions = PROMPTS.map((prompt) => engine.submit({ prompt, maxNewTokens: 8, adapter: 'kind' }));
    await firstToken(submissions[0]!);
    const weights = [...small.model.weights.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const own = [...tensors].reduce((sum, [name, { data }]) => {
      // B is there twice, as it was given and under its scale.
      return sum + (name.includes('lora_B') ? 2 : 1) * data.byteLength;
    }, 0);
    const during = engine.stats();
    expect(during).toMatchObject({ running: 2, waiting: 1, waitingTokens: 5, promptTokens: 6, programs: 2 });
    expect(during.responders).toMatchObject([
      { model: BASE, adapter: undefined, bytes: weights, cacheBytes: 0, running: 0, waiting: 0, isLeaving: false },
      { model: BASE, adapter: 'kind', bytes: own, running: 2, waiting: 1, isLeaving: false },
    ]);
    expect(during.responders[1]!.cacheBytes).toBeGreaterThan(0);
    submissions[1]!.cancel();
    await Promise.allSettled(submissions.map(({ answer }) => answer));
    expect(engine.stats()).toMatchObject({
      running: 0,
      waiting: 0,
      answered: 2,
      cancelled: 1,
      failed: 0,
      refused: 0,
      promptTokens: 11,
      cachedTokens: 0,
    });
    expect(engine.stats().responders[1]!.cacheBytes).toBe(0);
    await engine.dispose();
  });
});
