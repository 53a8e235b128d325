import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../src/core/index.ts';
import { BASE, createEngine, createGenerator } from '../src/generate/index.ts';
import { plainDecoder, withLora } from '../src/models/index.ts';
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

/** Adapters of a running engine: one program a shape, tensors that others own. */
let small: SmallModel;

beforeAll(async () => {
  small = await openSmallModel();
});
afterAll(() => small.device.dispose());

describe('adapters of one shape', () => {
  it('share a compiled step whatever their scales: the second is an upload', async () => {
    const watched = watch(small.device);
    const engine = await small.engineOf({}, watched.device);
    expect(watched.compiled).toEqual(['generate', 'cache', 'join']);
    const adapters = [
      ['kind', loraOf(2, 2)],
      ['terse', loraOf(2, 0.3)],
      // In another order.
      ['rude', { ...loraOf(2, 1.5), targets: loraOf(2, 1.5).targets.toReversed() }],
    ] as const;
    for (const [i, [name, lora]] of adapters.entries())
      await engine.addAdapter(name, { lora, tensors: small.tensorsOf(lora, i) });
    expect(watched.compiled.slice(3)).toEqual(['generate', 'generate, once']);
    for (const [i, [name, lora]] of adapters.entries())
      expect(await ask(engine, name)).toEqual(await small.alone(lora, small.tensorsOf(lora, i)));
    await engine.addAdapter('wide', { lora: loraOf(3, 2), tensors: small.tensorsOf(loraOf(3, 2), 9) });
    expect(watched.compiled).toHaveLength(7);
    expect(engine.stats().programs).toBe(3);
    for (const [name] of adapters) await engine.removeAdapter(name);
    expect(engine.stats().programs).toBe(2);
    await engine.dispose();
  });

  it.each([
    ['magnitudes', { magnitudes: true }, 'separate'],
    ['anchors', { anchored: true }, 'separate'],
    ['sums', {}, 'sum'],
    ['sums with magnitudes', { magnitudes: true }, 'sum'],
  ] as const)('with %s too', async (_what, more, path) => {
    const watched = watch(small.device);
    const engine = await small.engineOf({}, watched.device);
    const loras = [loraOf(2, 2, more), loraOf(2, 0.3, more)];
    for (const [i, lora] of loras.entries())
      await engine.addAdapter(`${i}`, { lora, tensors: small.tensorsOf(lora, i), path });
    expect(watched.compiled).toHaveLength(5);
    for (const [i, lora] of loras.entries())
      expect(await ask(engine, `${i}`)).toEqual(await small.alone(lora, small.tensorsOf(lora, i)));
    await engine.dispose();
  });

  it('are refused where they do not fit the model, with all that is wrong', async () => {
    const engine = await small.engineOf();
    const lora = loraOf(2, 1);
    const tensors = small.tensorsOf(lora, 1);
    tensors.delete('model.layers.0.self_attn.q_proj.lora_B.weight');
    tensors.set('model.layers.0.self_attn.v_proj.lora_A.weight', {
      dtype: 'float32',
      shape: [1],
      data: new Float32Array(1),
    });
    await expect(engine.addAdapter('kind', { lora, tensors })).rejects.toMatchObject({
      code: 'bad-input',
      message: [
        `generate: adapter kind must hold model.layers.0.self_attn.q_proj.lora_B.weight [${small.config.hiddenSize}, 2], got none`,
        `generate: adapter kind must hold model.layers.0.self_attn.v_proj.lora_A.weight [2, ${small.config.hiddenSize}], got [1]`,
      ].join('\n'),
    });
    const strange = { ...lora, targets: [{ path: 'transformer.h.0.attn', rank: 2, scale: 1 }] };
    await expect(engine.addAdapter('kind', { lora: strange, tensors })).rejects.toThrow(
      'generate: adapter kind must adapt modules of the model, got transformer.h.0.attn; it was made for another model',
    );
    await engine.dispose();
  });
});

describe('tensors that the caller owns', () => {
  it.each(['separate', 'sum'] as const)('answer with their new values after a refresh, %s', async (path) => {
    const engine = await small.engineOf({ keepsPrefix: true });
    const lora = loraOf(2, 1.7);
    const owned = await small.upload(small.tensorsOf(lora, 1));
    await engine.addAdapter('trained', { lora, tensors: owned, path });
    expect(await ask(engine, 'trained')).toEqual(await small.alone(lora, small.tensorsOf(lora, 1)));
    const prompt = PROMPTS[0]!;
    await engine.submit({ prompt, maxNewTokens: 12, adapter: 'trained' }).answer;
    for (let step = 2; step < 5; step++) {
      for (const [name, tensor] of small.tensorsOf(lora, step)) await owned.get(name)!.write(tensor);
      await engine.refreshAdapter('trained');
      const expected = await small.alone(lora, small.tensorsOf(lora, step));
      // The prompt of the answer before, whose keys are of other weights.
      const answer = await engine.submit({ prompt, maxNewTokens: 12, adapter: 'trained' }).answer;
      expect([[...answer.ids], answer.cachedTokens]).toEqual([expected[0], undefined]);
      expect(await ask(engine, 'trained')).toEqual(expected);
      const again = await engine.submit({ prompt, maxNewTokens: 12, adapter: 'trained' }).answer;
      const once = await engine.submit({ prompt, maxNewTokens: 12, adapter: 'trained' }).answer;
      expect([[...again.ids], [...once.ids], once.cachedTokens]).toEqual([expected[0], expected[0], prompt.length - 1]);
    }
    // The base has nothing of it.
    expect(await ask(engine)).toEqual(await small.alone());
    await engine.dispose();
    // They are still the caller's.
    for (const [name, { data }] of small.tensorsOf(lora, 4)) expect((await owned.get(name)!.read()).data).toEqual(data);
    for (const tensor of owned.values()) await tensor.dispose();
  });

  it('do not leave keys of before to prompts after a refresh under way', async () => {
    const engine = await small.engineOf({ keepsPrefix: true });
    const lora = loraOf(2, 1.7);
    const owned = await small.upload(small.tensorsOf(lora, 1));
    await engine.addAdapter('trained', { lora, tensors: owned });
    const under = engine.submit({ prompt: PROMPTS[0]!, maxNewTokens: 30, adapter: 'trained' });
    await firstToken(under);
    for (const [name, tensor] of small.tensorsOf(lora, 2)) await owned.get(name)!.write(tensor);
    await engine.refreshAdapter('trained');
    expect((await under.answer).ids).toHaveLength(30);
    const after = await engine.submit({ prompt: PROMPTS[0]!, maxNewTokens: 12, adapter: 'trained' }).answer;
    expect([[...after.ids], after.cachedTokens]).toEqual([
      (await small.alone(lora, small.tensorsOf(lora, 2)))[0],
      undefined,
    ]);
    await engine.dispose();
    for (const tensor of owned.values()) await tensor.dispose();
  });

  it('of a model too, whose adapters follow', async () => {
    const weights = new Map<string, DeviceTensor>();
    for (const [name, tensor] of small.model.weights) weights.set(name, await small.device.upload(await tensor.read()));
    const engine = createEngine(small.device);
    await engine.addModel(BASE, { decoder: plainDecoder(small.config), tokenizer, resident: weights });
    const lora = loraOf(2, 1);
    const tensors = small.tensorsOf(lora, 1);
    await engine.addAdapter('sum', { lora, tensors, path: 'sum' });
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const old = await weights.get(name)!.read();
    await weights.get(name)!.write({ ...old, data: (old.data as Float32Array).map((value) => -value) } as HostTensor);
    await engine.refreshModel(BASE);
    const generator = await createGenerator(small.device, {
      decoder: withLora(plainDecoder(small.config), lora),
      tokenizer,
      resident: new Map([...weights, ...(await small.upload(tensors))]),
    });
    const expected = (await generator.generate(PROMPTS, { maxNewTokens: 12 })).map(({ ids }) => [...ids]);
    await generator.dispose();
    expect(await ask(engine, 'sum')).toEqual(expected);
    expect(expected).not.toEqual(await small.alone(lora, tensors));
    await engine.dispose();
    for (const tensor of weights.values()) await tensor.dispose();
  });
});
