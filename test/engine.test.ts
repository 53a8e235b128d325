import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BASE,
  createEngine,
  createGenerator,
  type Answer,
  type Engine,
  type EngineOptions,
  type GenerationRequest,
  type StreamedToken,
  type Submission,
} from '../src/generate/index.ts';
import { openModelFiles } from '../src/formats/index.ts';
import { parseModelConfig, plainDecoder, withLora } from '../src/models/index.ts';
import { openDevice, type Device, type DeviceTensor } from '../src/runtime/index.ts';
import { loadModel, readAdapter, type OpenedModel, type ResidentModel } from '../src/policy/index.ts';
import { hasStories, openStories, skipWithoutStories } from './support/stories.ts';

async function firstOf({ tokens }: Submission): Promise<StreamedToken | undefined> {
  const { value } = (await tokens[Symbol.asyncIterator]().next()) as IteratorResult<StreamedToken, undefined>;
  return value;
}

skipWithoutStories();

describe.skipIf(!hasStories)('continuous batching on stories260K', () => {
  let [device, opened, model]: [Device, OpenedModel, ResidentModel] = [] as never;
  const engineOf = async (options: EngineOptions = {}): Promise<Engine> => {
    const engine = createEngine(device, options);
    const decoder = plainDecoder(opened.config);
    await engine.addModel(BASE, { decoder, tokenizer: opened.tokenizer, resident: model.weights });
    return engine;
  };

  beforeAll(async () => {
    device = await openDevice({ threads: 2 });
    opened = await openStories();
    model = await loadModel(device, opened.config, opened.files.checkpoint);
  });

  afterAll(async () => {
    await device.dispose();
    await opened.files.close();
  });

  const texts = [
    'Once upon a time',
    'Lily',
    'The big dog was',
    'Tom and his mom went to the park. They',
    'A',
    'One day',
  ];
  /** Some greedy, some drawn, of different lengths. */
  const requests = (): GenerationRequest[] =>
    texts.map((text, i) => ({
      prompt: opened.tokenizer.encode(text),
      maxNewTokens: 8 + 9 * i,
      stream: i,
      seed: 5,
      ...(i % 2 === 1 && { temperature: 0.9, topP: 0.95 }),
    }));

  async function alone(): Promise<Answer[]> {
    const engine = await engineOf();
    const answers: Answer[] = [];
    for (const request of requests()) answers.push(await engine.submit(request).answer);
    await engine.dispose();
    return answers;
  }

  it('gives a request the tokens that it has alone, whenever it joins and however many rows there are', async () => {
    const expected = await alone();
    const arrivals = fc.record({
      maxRows: fc.integer({ min: 1, max: 7 }),
      order: fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }),
      // Tokens of the request before that must have come.
      delays: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 6, maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(arrivals, async ({ maxRows, order, delays }) => {
        const engine = await engineOf({ maxRows });
        const answers: Promise<Answer>[] = [];
        for (const [i, which] of order.entries()) {
          const submission = engine.submit(requests()[which]!);
          answers[which] = submission.answer;
          if (delays[i] === 0) continue;
          let seen = 0;
          for await (const { id } of submission.tokens) if (id >= 0 && ++seen >= delays[i]!) break;
        }
        expect(await Promise.all(answers)).toEqual(expected);
        await engine.dispose();
      }),
      { numRuns: 12, seed: 3 },
    );
  });

  it('streams tokens, whose texts are the answer', async () => {
    const engine = await engineOf();
    const { tokens, answer } = engine.submit(requests()[3]!);
    let text = '';
    for await (const token of tokens) text += token.text;
    expect(text).toBe((await answer).text);
    await engine.dispose();
  });

  it('begins a waiting request when one leaves, in the order they came', async () => {
    const engine = await engineOf({ maxRows: 2 });
    const ended: number[] = [];
    const begun: number[] = [];
    const lengths = [30, 3, 3, 3];
    const prompt = opened.tokenizer.encode(texts[0]!);
    await Promise.all(
      lengths.map(async (maxNewTokens, i) => {
        const onToken = (): void => void (begun.includes(i) || begun.push(i));
        await engine.submit({ prompt, maxNewTokens, onToken }).answer;
        ended.push(i);
      }),
    );
    expect(begun).toEqual([0, 1, 2, 3]);
    expect(ended).toEqual([1, 2, 3, 0]);
    await engine.dispose();
  });

  it('goes on with answers while a long prompt is read in slices', async () => {
    const prompt = opened.tokenizer.encode(texts[0]!);
    const long = Array.from({ length: 500 }, (_, i) => 5 + (i % 300));
    const whole = await engineOf();
    const expected = await whole.submit({ prompt: long, maxNewTokens: 4 }).answer;
    await whole.dispose();
    const engine = await engineOf({ stepTokens: 50 });
    let came = 0;
    const short = engine.submit({ prompt, maxNewTokens: 60, onToken: () => void came++ });
    await firstOf(short);
    const before = came;
    const second = engine.submit({ prompt: long, maxNewTokens: 4 });
    await firstOf(second);
    // Ten slices, each behind a token of the other.
    expect(came - before).toBeGreaterThanOrEqual(9);
    expect(came - before).toBeLessThanOrEqual(13);
    expect((await second.answer).ids).toEqual(expected.ids);
    expect((await short.answer).ids).toHaveLength(60);
    await engine.dispose();
  });

  it('cancels one, running or waiting, and leaves the others as they are', async () => {
    const expected = await alone();
    const engine = await engineOf({ maxRows: 3 });
    const submissions = requests().map((request) => engine.submit(request));
    submissions[5]!.cancel();
    await firstOf(submissions[2]!);
    submissions[2]!.cancel();
    const results = await Promise.allSettled(submissions.map(({ answer }) => answer));
    for (const [i, result] of results.entries()) {
      if (i === 2 || i === 5) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } });
      else expect(result).toEqual({ status: 'fulfilled', value: expected[i] });
    }
    await engine.dispose();
  });

  it('keeps what goes wrong with one request from the others', async () => {
    const expected = await alone();
    const engine = await engineOf();
    const wrong = engine.submit({
      ...requests()[0]!,
      onToken: () => {
        throw new Error('the listener fell over');
      },
    });
    const right = requests().map((request) => engine.submit(request).answer);
    await expect(wrong.answer).rejects.toThrow('the listener fell over');
    // Its token had come before the listener fell.
    expect(await firstOf(wrong)).toMatchObject({ text: expect.any(String) as string });
    expect(await Promise.all(right)).toEqual(expected);
    expect(() => engine.submit({ prompt: [], maxNewTokens: 1 })).toThrow('must hold at least one token');
    expect(() => engine.submit({ prompt: [1], maxNewTokens: 0 })).toThrow('maxNewTokens must be');
    expect(() => engine.submit({ prompt: [1], maxNewTokens: 1, adapter: 'kind' })).toThrow(
      "generate: the adapter must be one of the engine's, got kind; there is none",
    );
    await engine.dispose();
    expect(() => engine.submit(requests()[0]!)).toThrow('must not be disposed');
  });

  it('cancels what is left when it is disposed, and frees its caches', async () => {
    const before = (await device.memory()).residentBytes;
    const engine = await engineOf({ maxRows: 2 });
    const answers = requests().map((request) => engine.submit(request).answer);
    await answers[0];
    const left = Promise.allSettled(answers.slice(2));
    await engine.dispose();
    expect((await left).some(({ status }) => status === 'rejected')).toBe(true);
    const after = (await device.memory()).residentBytes;
    expect([after['cache'] ?? 0, after['kept'] ?? 0]).toEqual([before['cache'] ?? 0, before['kept'] ?? 0]);
  });

  it('reads only what is new of a prompt that begins as the last answer did', async () => {
    const engine = await engineOf({ keepsPrefix: true });
    const prompt = opened.tokenizer.encode(texts[0]!);
    const first = await engine.submit({ prompt, maxNewTokens: 20 }).answer;
    expect(first.cachedTokens).toBeUndefined();
    const longer = [...prompt, ...first.ids.slice(0, 12), 7, 8, 9];
    const second = await engine.submit({ prompt: longer, maxNewTokens: 20 }).answer;
    expect(second.cachedTokens).toBe(prompt.length + 12);
    // Again, as it was: all but the token whose scores are needed.
    const third = await engine.submit({ prompt: longer, maxNewTokens: 20 }).answer;
    expect(third.cachedTokens).toBe(longer.length - 1);
    const stranger = await engine.submit({ prompt: [9, 8, 7], maxNewTokens: 5 }).answer;
    expect(stranger.cachedTokens).toBeUndefined();
    await engine.dispose();
    const fresh = await engineOf();
    const again = await fresh.submit({ prompt: longer, maxNewTokens: 20 }).answer;
    await fresh.dispose();
    expect({ ...second, cachedTokens: undefined }).toEqual({ ...again, cachedTokens: undefined });
    expect({ ...third, cachedTokens: undefined }).toEqual({ ...again, cachedTokens: undefined });
  });
});

describe('adapters of one engine', () => {
  const FIXTURES = join(import.meta.dirname, 'fixtures');

  it('answer in one run what each answers by itself', async () => {
    const device = await openDevice({ threads: 2 });
    const files = await openModelFiles(join(FIXTURES, 'models/llama2'));
    const config = parseModelConfig(files.config);
    const model = await loadModel(device, config, files.checkpoint);
    // Texts are not looked at.
    const tokenizer = { decode: () => '', stopIds: [] };
    const plain = plainDecoder(config);
    const engine = createEngine(device);
    await engine.addModel(BASE, { decoder: plain, tokenizer, resident: model.weights });
    const names = [BASE, 'llama2-all-linear', 'llama2-rslora'];
    const expected = new Map<string, Answer[]>();
    const prompts = [
      [1, 5, 9, 14],
      [1, 7],
    ];
    const options = { maxNewTokens: 12 };
    for (const name of names) {
      const resident = new Map<string, DeviceTensor>(model.weights);
      let decoder = plain;
      if (name !== BASE) {
        const adapter = await readAdapter(join(FIXTURES, 'peft', name), config);
        for (const [path, tensor] of adapter.weights) resident.set(path, await device.upload(tensor));
        decoder = withLora(plain, adapter.lora, { path: 'separate' });
        await engine.addAdapter(name, { lora: adapter.lora, tensors: adapter.weights });
      }
      const generator = await createGenerator(device, { decoder, tokenizer, resident });
      expected.set(name, await generator.generate(prompts, options));
      await generator.dispose();
    }
    // The adapters of the fixtures change what is said.
    expect(expected.get('llama2-all-linear')).not.toEqual(expected.get(BASE));
    const got = new Map<string, Promise<Answer>[]>(names.map((name) => [name, []]));
    for (const prompt of prompts)
      for (const name of names)
        got.get(name)!.push(engine.submit({ ...options, prompt, ...(name !== BASE && { adapter: name }) }).answer);
    for (const [name, answers] of expected) expect(await Promise.all(got.get(name)!)).toEqual(answers);
    expect(() => engine.submit({ prompt: [1], maxNewTokens: 1, adapter: 'kind' })).toThrow(
      'got kind; there are llama2-all-linear, llama2-rslora',
    );
    await engine.dispose();
    await device.dispose();
    await files.close();
  });
});
