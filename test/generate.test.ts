import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messageOf } from '../src/core/index.ts';
import { createGenerator, type Generator } from '../src/generate/index.ts';
import { plainDecoder, weightInputs, withLora } from '../src/models/index.ts';
import { openDevice, type Device, type DeviceTensor } from '../src/runtime/index.ts';
import { loadModel, openModel, readAdapter, type OpenedModel, type ResidentModel } from '../src/policy/index.ts';
import { temporaryFolder, writeTinyModel } from './support/tiny-model.ts';
import { hasStories, openStories, skipWithoutStories } from './support/stories.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(FIXTURES, path), 'utf8')) as T;
}

/** Where the best score is nearer than this to the second, another order of additions may choose otherwise. */
const TIE = 1e-3;

/** The ids up to the first tie. */
function certain(ids: readonly number[], gaps: readonly number[]): number[] {
  const tie = gaps.findIndex((gap) => gap < TIE);
  return tie < 0 ? [...ids] : ids.slice(0, tie);
}

skipWithoutStories();

describe.skipIf(!hasStories)('generation on stories260K', () => {
  const recorded = readJson<{ greedy_from_bos: number[]; greedy_gaps: number[] }>('models/stories260K.json');
  let [device, opened, model, generator]: [Device, OpenedModel, ResidentModel, Generator] = [] as never;

  beforeAll(async () => {
    device = await openDevice({ threads: 2 });
    opened = await openStories();
    model = await loadModel(device, opened.config, opened.files.checkpoint);
    generator = await createGenerator(device, {
      decoder: plainDecoder(opened.config),
      tokenizer: opened.tokenizer,
      resident: model.weights,
    });
  });

  afterAll(async () => {
    await generator.dispose();
    await device.dispose();
    await opened.files.close();
  });

  const prompts = ['Once upon a time', 'Lily', 'The big dog was', 'Tom and his mom went to the park. They'];
  const encoded = (): number[][] => prompts.map((prompt) => opened.tokenizer.encode(prompt));

  it("gives Transformers' greedy ids", async () => {
    const expected = certain(recorded.greedy_from_bos, recorded.greedy_gaps);
    const [answer] = await generator.generate([[1]], { maxNewTokens: expected.length });
    expect(answer!.ids).toEqual(expected);
    expect(answer!.text.trim()).toMatch(/^Once upon a time, there was a little girl named Lily\./);
    expect(answer!.finishReason).toBe('length');
  });

  it('answers prompts of different length together as it answers them alone', async () => {
    const together = await generator.generate(encoded(), { maxNewTokens: 100 });
    expect(together.map(({ ids }) => ids.length)).toEqual([100, 100, 100, 100]);
    for (const [row, prompt] of encoded().entries())
      expect(await generator.generate([prompt], { maxNewTokens: 100 })).toEqual([together[row]]);
  });

  it('draws the same tokens for the same seed, however the prompts are cut into calls', async () => {
    const options = { maxNewTokens: 40, temperature: 1, topP: 0.9, seed: 3 };
    const together = await generator.generate(encoded(), options);
    expect(await generator.generate(encoded(), options)).toEqual(together);
    const [first, second] = [encoded().slice(0, 1), encoded().slice(1)];
    const cut = [
      ...(await generator.generate(first, options)),
      ...(await generator.generate(second, { ...options, firstRow: 1 })),
    ];
    expect(cut).toEqual(together);
    expect(await generator.generate(encoded(), { ...options, seed: 4 })).not.toEqual(together);
    const twins = await generator.generate([encoded()[0]!, encoded()[0]!], options);
    expect(twins[0]).not.toEqual(twins[1]);
  });

  it('ends a row at its stop id and lets the others go on', async () => {
    const free = await generator.generate(encoded(), { maxNewTokens: 30 });
    // A stop id that the first row meets before the others do, or that they never meet.
    const stop = free[0]!.ids[5]!;
    const answers = await generator.generate(encoded(), { maxNewTokens: 30, stopIds: [stop] });
    for (const [row, { ids }] of free.entries()) {
      const at = ids.indexOf(stop);
      expect(answers[row]!.ids).toEqual(at < 0 ? ids : ids.slice(0, at));
      expect(answers[row]!.finishReason).toBe(at < 0 ? 'length' : 'stop');
    }
    expect(new Set(answers.map(({ finishReason }) => finishReason))).toEqual(new Set(['stop', 'length']));
  });

  it('tells every token with its text, the stop token included', async () => {
    const tokens: { row: number; id: number; text: string }[] = [];
    const [free] = await generator.generate([encoded()[0]!], { maxNewTokens: 12 });
    const stop = free!.ids.at(-1)!;
    const answers = await generator.generate(encoded().slice(0, 2), {
      maxNewTokens: 12,
      stopIds: [stop],
      onToken: (token) => void tokens.push(token),
    });
    for (const [row, answer] of answers.entries()) {
      const own = tokens.filter((token) => token.row === row);
      expect(own.map(({ text }) => text).join('')).toBe(answer.text);
      expect(own.map(({ id }) => id)).toEqual(answer.finishReason === 'stop' ? [...answer.ids, stop] : answer.ids);
      expect(opened.tokenizer.decode(answer.ids, { skipSpecialTokens: true })).toBe(answer.text);
    }
  });

  it('stops at the last position of the model', async () => {
    const { maxPositions } = opened.config;
    const long = Array.from({ length: maxPositions - 3 }, (_, i) => 5 + (i % 300));
    const [answer] = await generator.generate([long], { maxNewTokens: 50, stopIds: [] });
    expect([answer!.ids.length, answer!.finishReason]).toEqual([3, 'length']);
  });

  it('frees the cache', async () => {
    const before = (await device.memory()).residentBytes;
    await generator.generate(encoded(), { maxNewTokens: 80 });
    const after = (await device.memory()).residentBytes;
    expect([after['cache'] ?? 0, after['kept'] ?? 0]).toEqual([before['cache'] ?? 0, before['kept'] ?? 0]);
  });

  it('refuses what it cannot do, all at once', async () => {
    await expect(
      generator.generate([[1]], { maxNewTokens: 0, temperature: -1, topP: 0, seed: 0.5 }),
    ).rejects.toMatchObject({
      code: 'bad-usage',
      message: [
        'generate: maxNewTokens must be a whole number of at least 1, got 0',
        'generate: temperature must be a number of at least 0, got -1',
        'generate: topP must be above 0 and at most 1, got 0',
        'generate: seed must be a whole number of at least 0, got 0.5',
      ].join('\n'),
    });
    const long = Array<number>(opened.config.maxPositions).fill(5);
    await expect(generator.generate([[], [512], long], { maxNewTokens: 1 })).rejects.toMatchObject({
      code: 'bad-input',
      message: [
        'generate: prompt 1 must hold at least one token, got none; write a prompt',
        "generate: prompt 2 must hold ids below 512, got 512; encode it with the model's own tokenizer",
        "generate: prompt 3 must be shorter than the model's 512 positions, got 512 tokens; shorten it",
      ].join('\n'),
    });
  });

  it('listens to a signal once, however many prompts there are', async () => {
    const { signal } = new AbortController();
    const listeners: number[] = [];
    const many = Array.from({ length: 12 }, () => [1]);
    const onToken = (): void => void listeners.push(getEventListeners(signal, 'abort').length);
    await generator.generate(many, { maxNewTokens: 2, signal, onToken });
    // More than ten make Node warn of a leak.
    expect([Math.max(...listeners), getEventListeners(signal, 'abort').length]).toEqual([1, 0]);
  });

  it('stops when told to', async () => {
    const controller = new AbortController();
    let seen = 0;
    const answer = generator.generate([[1]], {
      maxNewTokens: 100,
      signal: controller.signal,
      onToken: () => {
        if (++seen === 3) controller.abort();
      },
    });
    await expect(answer).rejects.toMatchObject({
      code: 'cancelled',
      message: 'generate: stopped before the answer ended',
    });
    expect(seen).toBe(3);
    expect((await device.memory()).residentBytes['cache'] ?? 0).toBe(0);
  });

  it('answers with an adapter on and off', async () => {
    const path = join(FIXTURES, 'trajectory', 'lora-final');
    const adapter = await readAdapter(path, opened.config);
    const resident = new Map<string, DeviceTensor>(model.weights);
    for (const [name, tensor] of adapter.weights) resident.set(name, await device.upload(tensor));
    const answer = async (scale: number): Promise<readonly number[]> => {
      const targets = adapter.lora.targets.map((target) => ({ ...target, scale: scale * target.scale }));
      const lora = { ...adapter.lora, targets };
      const adapted = await createGenerator(device, {
        decoder: withLora(plainDecoder(opened.config, weightInputs(opened.config)), lora),
        tokenizer: opened.tokenizer,
        resident,
      });
      const [{ ids } = { ids: [] }] = await adapted.generate([[1]], { maxNewTokens: 30 });
      await adapted.dispose();
      return ids;
    };
    const plain = recorded.greedy_from_bos.slice(0, 30);
    expect(await answer(0)).toEqual(plain);
    expect(await answer(30)).not.toEqual(plain);
  });
});

const SMOLLM2 = process.env['PREFTUNE_TEST_SMOLLM2'];
if (SMOLLM2 === undefined) process.stderr.write('skipped: PREFTUNE_TEST_SMOLLM2 does not name the model file\n');

describe.skipIf(SMOLLM2 === undefined)('generation on SmolLM2-135M-Instruct', () => {
  it("gives Transformers' greedy answers to chats, all chats together", async () => {
    const { chats } = readJson<{ chats: { prompt: number[]; greedy: number[]; gaps: number[] }[] }>(
      'models/smollm2.json',
    );
    const device = await openDevice({ threads: 2 });
    const opened = await openModel(SMOLLM2!);
    const model = await loadModel(device, opened.config, opened.files.checkpoint);
    const generator = await createGenerator(device, {
      decoder: plainDecoder(opened.config),
      tokenizer: opened.tokenizer,
      resident: model.weights,
    });
    const answers = await generator.generate(
      chats.map(({ prompt }) => prompt),
      { maxNewTokens: Math.max(...chats.map(({ greedy }) => greedy.length)) },
    );
    for (const [row, { greedy, gaps }] of chats.entries()) {
      const expected = certain(greedy, gaps);
      const { ids, finishReason } = answers[row]!;
      const full = finishReason === 'stop' ? [...ids, opened.tokenizer.eosId!] : ids;
      expect(full.slice(0, expected.length)).toEqual(expected);
    }
    expect(answers[0]).toMatchObject({ text: 'The capital of France is Paris.', finishReason: 'stop' });
    await device.dispose();
    await opened.files.close();
  });
});

async function openWebgpu(): Promise<Device | undefined> {
  try {
    return await openDevice({ device: 'webgpu' });
  } catch (thrown) {
    process.stderr.write(`skipped: webgpu does not open here: ${messageOf(thrown).split('\n')[0]}\n`);
    return undefined;
  }
}

const webgpu = await openWebgpu();
afterAll(() => webgpu?.dispose());

describe.skipIf(webgpu === undefined)('generation on WebGPU', () => {
  it('gives the ids of the CPU, with prompts of different length and a cache that grows and loses rows', async () => {
    const folder = temporaryFolder();
    const { files, config, tokenizer } = await openModel(await writeTinyModel(join(folder.path, 'model')));
    const cpu = await openDevice({ threads: 2 });
    const prompts = ['Hi', 'What is a dog?', 'Why?'].map((text) => tokenizer.encode(text));
    const answers = [];
    for (const device of [cpu, webgpu!]) {
      const { weights } = await loadModel(device, config, files.checkpoint);
      const generator = await createGenerator(device, { decoder: plainDecoder(config), tokenizer, resident: weights });
      const [free] = await generator.generate(prompts, { maxNewTokens: 1, stopIds: [] });
      answers.push(await generator.generate(prompts, { maxNewTokens: 90, stopIds: free!.ids }));
      await generator.dispose();
    }
    expect(answers[0]!.map(({ ids }) => ids.length)).toContain(0);
    expect(answers[1]).toEqual(answers[0]);
    await cpu.dispose();
    await files.close();
    folder.remove();
  });
});
