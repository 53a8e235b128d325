import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSafetensorsFile } from '../src/formats/index.ts';
import { BASE, createEngine, type Engine, type PromptLogps } from '../src/generate/index.ts';
import { plainDecoder, positionLimit, withLora } from '../src/models/index.ts';
import { readAdapter } from '../src/policy/index.ts';
import { createTokenScorer } from '../src/score/index.ts';
import { openSmallModel, tokenizer, watch, type SmallModel } from './support/engine.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const ADAPTER = 'llama2-all-linear';

let small: SmallModel;
beforeAll(async () => {
  small = await openSmallModel();
});
afterAll(() => small.device.dispose());

/** Prompts of a fixture, and log softmax of the scores that Transformers, or PEFT, recorded: of each token, and the likeliest one in its place. */
async function recorded(folder: string) {
  const { input_ids: prompts } = JSON.parse(await readFile(join(FIXTURES, folder, 'expected.json'), 'utf8')) as {
    input_ids: number[][];
  };
  const file = await openSafetensorsFile(join(FIXTURES, folder, 'expected.safetensors'));
  const logits = await file.readFloat32('logits');
  await file.close();
  const V = small.config.vocabularySize;
  const logps = prompts.map((prompt, row) =>
    prompt.map((_, place) => {
      if (place === 0) return undefined;
      const at = (row * prompt.length + place - 1) * V;
      const scores = [...logits.subarray(at, at + V)];
      const most = Math.max(...scores);
      const normaliser = most + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0));
      return { logp: scores[prompt[place]!]! - normaliser, best: scores.indexOf(most), bestLogp: most - normaliser };
    }),
  );
  return { prompts, logps };
}

/** Of every token but the first, which has none. */
function expectLogps(
  got: PromptLogps,
  prompt: readonly number[],
  expected: Awaited<ReturnType<typeof recorded>>['logps'][0],
): void {
  expect(got).toHaveLength(prompt.length);
  expect(got[0]).toBeUndefined();
  for (const [place, one] of expected.entries()) {
    if (one === undefined) continue;
    expect(got[place]!.id).toBe(prompt[place]);
    expect(Math.abs(got[place]!.logp - one.logp)).toBeLessThan(1e-5);
    expect(got[place]!.top[0]!.id).toBe(one.best);
    expect(Math.abs(got[place]!.top[0]!.logp - one.bestLogp)).toBeLessThan(1e-5);
  }
}

async function engineWithAdapter(options = {}): Promise<Engine> {
  const engine = await small.engineOf(options);
  const { lora, weights: tensors } = await readAdapter(join(FIXTURES, 'peft', ADAPTER), small.config);
  await engine.addAdapter(ADAPTER, { lora, tensors });
  return engine;
}

describe('log-probabilities of a prompt', () => {
  it("are Transformers' and PEFT's, token by token, beside others and in slices of any length", async () => {
    const plain = await recorded('models/llama2');
    const adapted = await recorded(`peft/${ADAPTER}`);
    for (const options of [{}, { stepTokens: 3 }, { stepScores: 2 * small.config.vocabularySize }, { stepScores: 1 }]) {
      const engine = await engineWithAdapter(options);
      const beside = engine.submit({ prompt: [1, 5, 9], maxNewTokens: 20 });
      const asked = [
        ...plain.prompts.map((prompt, i) => ({ prompt, expected: plain.logps[i]!, adapter: undefined })),
        ...adapted.prompts.map((prompt, i) => ({ prompt, expected: adapted.logps[i]!, adapter: ADAPTER })),
      ].map((one) => ({
        ...one,
        answer: engine.submit({ prompt: one.prompt, adapter: one.adapter, maxNewTokens: 0, promptLogps: 1 }).answer,
      }));
      for (const { prompt, expected, answer } of asked) {
        const { promptLogps, ...others } = await answer;
        expect(others).toEqual({ ids: [], text: '', finishReason: 'length' });
        expectLogps(promptLogps!, prompt, expected);
      }
      expect((await beside.answer).ids).toHaveLength(20);
      await engine.dispose();
    }
  });

  it('are those of `score`, and change nothing of the answer behind it', async () => {
    const engine = await engineWithAdapter({ keepsPrefix: true });
    const { lora, weights } = await readAdapter(join(FIXTURES, 'peft', ADAPTER), small.config);
    const placed = await small.upload(weights);
    const prompt = [1, 5, 9, 14, 3, 3, 8, 20, 11, 2, 30];
    const plain = plainDecoder(small.config);
    for (const adapter of [undefined, ADAPTER]) {
      const scorer = await createTokenScorer(small.device, {
        decoder: adapter === undefined ? plain : withLora(plain, lora),
        resident: new Map([...small.model.weights, ...placed]),
        microBatchTokens: 64,
      });
      const [scores] = await scorer.score([{ prompt: prompt.slice(0, 1), completion: prompt.slice(1) }] as never);
      await scorer.dispose();
      const expected = await engine.submit({ prompt, maxNewTokens: 6, adapter, topLogps: 2 }).answer;
      // What the answer before has left in the cache is of no use: of it there are no scores.
      const asked = engine.submit({ prompt, maxNewTokens: 6, adapter, topLogps: 2, promptLogps: 0 });
      const early = await asked.promptLogps;
      const { promptLogps, ...answer } = await asked.answer;
      expect([answer.ids, answer.cachedTokens]).toEqual([expected.ids, undefined]);
      for (const [i, { logp }] of expected.logps!.entries())
        expect(Math.abs(answer.logps![i]!.logp - logp)).toBeLessThan(1e-5);
      expect(promptLogps).toEqual(early);
      expect(promptLogps!.every((one) => one === undefined || one.top.length === 0)).toBe(true);
      for (const [i, logp] of scores!.logps.entries())
        expect(Math.abs(logp - promptLogps![i + 1]!.logp)).toBeLessThan(1e-5);
      expect(await engine.submit({ prompt, maxNewTokens: 1, adapter }).promptLogps).toEqual([]);
    }
    for (const tensor of placed.values()) await tensor.dispose();
    await engine.dispose();
  });

  it('are those that an answer came with, where the prompt is that answer', async () => {
    const engine = await engineWithAdapter({ stepScores: 5 * small.config.vocabularySize });
    const request = { prompt: [1, 5, 9], maxNewTokens: 20, temperature: 1, seed: 3 };
    for (const adapter of [undefined, ADAPTER]) {
      const { ids, logps } = await engine.submit({ ...request, adapter, topLogps: 2, frequencyPenalty: 1 }).answer;
      const read = { prompt: [...request.prompt, ...ids], maxNewTokens: 0, adapter, promptLogps: 2 };
      const { promptLogps } = await engine.submit(read).answer;
      expect(promptLogps!.slice(3).map((one) => one!.id)).toEqual(ids);
      for (const [i, drawn] of logps!.entries()) {
        const told = promptLogps![3 + i]!;
        expect(Math.abs(told.logp - drawn.logp)).toBeLessThan(1e-5);
        expect(Math.abs(told.top[1]!.logp - drawn.top[1]!.logp)).toBeLessThan(1e-5);
      }
    }
    await engine.dispose();
  });

  it('score few positions at a time, and none for who does not ask', async () => {
    const rows: number[] = [];
    const { device } = watch(small.device);
    const counted = {
      ...device,
      compile: async (...args: Parameters<typeof device.compile>) => {
        const program = await device.compile(...args);
        if (args[1].label !== 'generate') return program;
        const run: typeof program.run = async (...given) => {
          const outputs = await program.run(...given);
          rows.push(outputs['scores']!.shape[0]!);
          return outputs;
        };
        return { ...program, run };
      },
    };
    const engine = await small.engineOf({ stepScores: 4 * small.config.vocabularySize + 1 }, counted);
    const prompt = Array.from({ length: 11 }, (_, i) => 1 + i);
    await engine.submit({ prompt, maxNewTokens: 0, promptLogps: 1 }).answer;
    expect(rows.splice(0)).toEqual([4, 4, 3]);
    await Promise.all(
      [0, 1].map((i) => engine.submit({ prompt: prompt.slice(i), maxNewTokens: 2, promptLogps: 1 }).answer),
    );
    // One after the other, since a step scores four tokens.
    const both = rows.splice(0);
    expect(Math.max(...both)).toBeLessThanOrEqual(5);
    expect(both.reduce((sum, count) => sum + count, 0)).toBe(11 + 10 + 2);
    await engine.submit({ prompt, maxNewTokens: 2 }).answer;
    expect(rows).toEqual([1, 1]);
    await engine.dispose();
  });

  it('hold up nobody: another prompt is read meanwhile', async () => {
    const engine = await small.engineOf({ stepScores: 1 });
    const prompt = Array.from({ length: 60 }, (_, i) => 1 + (i % 20));
    const order: string[] = [];
    const scored = engine.submit({ prompt, maxNewTokens: 0, promptLogps: 0 });
    void scored.answer.then(() => order.push('scored'));
    const plain = engine.submit({ prompt: prompt.slice(0, 9), maxNewTokens: 3 });
    void plain.answer.then(() => order.push('plain'));
    await Promise.all([scored.answer, plain.answer]);
    expect(order).toEqual(['plain', 'scored']);
    await engine.dispose();
  });

  it('need no room behind a prompt; without them an answer has a token', async () => {
    const engine = await small.engineOf();
    const limit = positionLimit(small.config);
    const prompt = Array.from({ length: limit }, (_, i) => 1 + (i % 20));
    const { promptLogps, ids } = await engine.submit({ prompt, maxNewTokens: 0, promptLogps: 0 }).answer;
    expect([promptLogps!.length, ids.length]).toEqual([limit, 0]);
    expect((await engine.submit({ prompt: [7], maxNewTokens: 0, promptLogps: 3 }).answer).promptLogps).toEqual([
      undefined,
    ]);
    const told = (request: object): string => {
      try {
        engine.submit({ prompt, maxNewTokens: 1, ...request });
        return '';
      } catch (error) {
        return String(error);
      }
    };
    expect(told({ promptLogps: 0 })).toContain(
      `must be shorter than the model's ${limit} positions, got ${limit} tokens`,
    );
    expect(told({ prompt: [...prompt, 1], maxNewTokens: 0, promptLogps: 0 })).toContain(
      `must be no longer than the model's ${limit} positions, got ${limit + 1} tokens`,
    );
    expect(told({ prompt: [1], maxNewTokens: 0 })).toContain(
      'maxNewTokens must be a whole number of at least 1, got 0',
    );
    expect(told({ prompt: [1], maxNewTokens: -1, promptLogps: -1 })).toContain(
      'maxNewTokens must be a whole number of at least 0, got -1\ngenerate: promptLogps must be a whole number of at least 0, got -1',
    );
    await engine.dispose();
  });

  it('of a model whose scores are not finite are its failure', async () => {
    const engine = createEngine(small.device);
    const resident = new Map(small.model.weights);
    const norm = [...resident.keys()].find((name) => name.endsWith('norm.weight') && !name.includes('layers'))!;
    const { shape } = resident.get(norm)!;
    const broken = await small.device.upload({ dtype: 'float32', shape, data: new Float32Array(shape[0]!).fill(NaN) });
    await engine.addModel(BASE, {
      decoder: plainDecoder(small.config),
      tokenizer,
      resident: resident.set(norm, broken),
    });
    const asked = [0, 1].map(() => engine.submit({ prompt: [1, 2, 3], maxNewTokens: 0, promptLogps: 0 }));
    for (const { answer, promptLogps } of asked) {
      await expect(answer).rejects.toThrow('the scores of a token must be finite');
      await expect(promptLogps).rejects.toThrow('the scores of a token must be finite');
    }
    await engine.dispose();
    await broken.dispose();
  });
});

describe('what a request may ask for', () => {
  it('is checked whole', async () => {
    const engine = await small.engineOf();
    const V = small.config.vocabularySize;
    const constraint = { allowed: () => undefined, accept: () => undefined, isComplete: false };
    expect(() =>
      engine.submit({
        prompt: [1],
        maxNewTokens: 1,
        presencePenalty: 2.5,
        frequencyPenalty: NaN,
        logitBias: new Map([
          [V, 1],
          [1.5, 1],
          [-1, 1],
          [3, 101],
          [4, NaN],
          [5, -100],
        ]),
      }),
    ).toThrow(
      [
        'presencePenalty must be between -2 and 2, got 2.5',
        'frequencyPenalty must be between -2 and 2, got NaN',
        `logitBias must name ids below ${V}, got ${V}`,
        `logitBias must name ids below ${V}, got 1.5`,
        `logitBias must name ids below ${V}, got -1`,
        'logitBias must be between -100 and 100, got 101 for id 3',
        'logitBias must be between -100 and 100, got NaN for id 4',
      ].join('\ngenerate: '),
    );
    const first = engine.submit({ prompt: [1], maxNewTokens: 1, constraint });
    expect(() => engine.submit({ prompt: [1], maxNewTokens: 1, constraint })).toThrow(
      'a constraint must belong to one answer, got one that another request has; make one for each',
    );
    await first.answer;
    await engine.dispose();
  });
});
