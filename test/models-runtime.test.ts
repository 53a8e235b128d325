import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../src/core/index.ts';
import type { TokenizedCompletion } from '../src/data/index.ts';
import { graph, input } from '../src/graph/index.ts';
import { hiddenStates, logits, packedAttention, packedInputs, plainDecoder } from '../src/models/index.ts';
import { optimise } from '../src/passes/index.ts';
import { openDevice, type Device, type DeviceTensor } from '../src/runtime/index.ts';
import {
  compileBatchProgram,
  completionMicroBatch,
  completionScoreGraph,
  hintsFor,
  loadModel,
  openModel,
  type OpenedModel,
} from '../src/policy/index.ts';
import {
  fixtureError,
  inputsOf,
  largestDifference,
  loadModelFixture,
  MODEL_FIXTURES,
} from './support/model-fixtures.ts';
import { hasStories, openStories, skipWithoutStories } from './support/stories.ts';

/** The models in float32 on ONNX Runtime's CPU: tiny ones of every family, stories260K, SmolLM2-135M-Instruct. */
const FIXTURES = join(import.meta.dirname, 'fixtures', 'models');
const STORIES_TEXT = join(import.meta.dirname, '..', '..', 'shared', 'data', 'tinystories', 'tinystories-2MiB.txt');
const SMOLLM2 = process.env['PREFTUNE_TEST_SMOLLM2'];

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.dispose());

describe.each(MODEL_FIXTURES)('%s', (folder) => {
  it('gives the logits within 1e-4 and the gradients within 1e-4 of the largest element, before and after the passes', async () => {
    const fixture = await loadModelFixture(folder);
    const { source, inputs } = fixture;
    const { body } = optimise(source, {
      hints: { T: 512, C: 200, U: 200 },
      recompute: { forwardOutputs: ['logits', 'logps'], budgetBytes: 0 },
    });
    for (const [label, one] of Object.entries({ source, body })) {
      const program = await device.compile(one, { label: `${folder} ${label}` });
      const outputs = (await program.run(inputs)) as Record<string, HostTensor>;
      for (const name of Object.keys(fixture.expected))
        expect(fixtureError(name, outputs[name]!.data, fixture), `${label} ${name}`).toBeLessThan(1e-4);
      await program.dispose();
    }
  });
});

/** Log-probabilities of completions, summed over each, a few at a time. */
async function scoresOf(
  { config }: OpenedModel,
  resident: ReadonlyMap<string, DeviceTensor>,
  rows: readonly TokenizedCompletion[],
): Promise<number[]> {
  const program = await compileBatchProgram(
    device,
    { evaluate: completionScoreGraph(plainDecoder(config)) },
    { label: 'scores', hints: hintsFor(512, 256), resident },
  );
  await program.refresh();
  const scores: number[] = [];
  for (let start = 0; start < rows.length; start += 2) {
    const { inputs } = completionMicroBatch(rows.slice(start, start + 2), false);
    scores.push(...(await program.evaluate(inputs))['logps']!.data);
  }
  await program.dispose();
  return scores;
}

function textOf(id: string, ids: Iterable<number>): TokenizedCompletion {
  return { id, prompt: new Int32Array(0), completion: Int32Array.from(ids) };
}

skipWithoutStories();

describe.skipIf(!hasStories || !existsSync(STORIES_TEXT))('stories260K', () => {
  it('has the nats of every story that Transformers measured, 1.2451 a token', async () => {
    const opened = await openStories();
    const model = await loadModel(device, opened.config, opened.files.checkpoint);
    const { tinystories } = JSON.parse(readFileSync(join(FIXTURES, 'stories260K.json'), 'utf8')) as {
      tinystories: { nats_per_token: number; tokens: number; per_story: { tokens: number; nats: number }[] };
    };
    const stories = readFileSync(STORIES_TEXT, 'utf8')
      .split('<|endoftext|>')
      .map((story) => story.trim())
      .filter((story) => story !== '')
      .slice(0, tinystories.per_story.length);
    const rows = stories.map((story, i) => textOf(String(i), opened.tokenizer.encode(story).slice(0, 512)));
    // Every id after BOS is scored.
    expect(rows.map(({ completion }) => completion.length - 1)).toEqual(
      tinystories.per_story.map(({ tokens }) => tokens),
    );
    const nats = (await scoresOf(opened, model.weights, rows)).map((logps) => -logps);
    tinystories.per_story.forEach((story, i) => expect(nats[i]! / story.nats).toBeCloseTo(1, 5));
    const perToken = nats.reduce((sum, value) => sum + value, 0) / tinystories.tokens;
    expect(perToken).toBeCloseTo(tinystories.nats_per_token, 6);
    expect(perToken).toBeCloseTo(1.2451, 4);
    await model.dispose();
    await opened.files.close();
  });
});

if (SMOLLM2 === undefined) process.stderr.write('skipped: PREFTUNE_TEST_SMOLLM2 does not name the model file\n');

describe.skipIf(SMOLLM2 === undefined)('SmolLM2-135M-Instruct from its GGUF', () => {
  it('scores the recorded ids and gives the recorded logits', async () => {
    const { scored } = JSON.parse(readFileSync(join(FIXTURES, 'smollm2.json'), 'utf8')) as {
      scored: { ids: number[]; logps: number[]; last_logits_first_32: number[] };
    };
    const opened = await openModel(SMOLLM2!);
    const model = await loadModel(device, opened.config, opened.files.checkpoint);
    const [sum] = await scoresOf(opened, model.weights, [textOf('scored', scored.ids)]);
    const expected = scored.logps.reduce((total, logp) => total + logp, 0);
    expect(Math.abs(sum! - expected)).toBeLessThan(1e-3 * scored.logps.length ** 0.5);

    const decoder = plainDecoder(opened.config);
    const packed = packedInputs();
    const attend = packedAttention(opened.config, packed);
    const hidden = hiddenStates(decoder, {
      tokens: packed.tokens,
      positions: packed.positions,
      attend,
      rows: input('last', ['N'], 'int32'),
    });
    const source = graph({ logits: logits(decoder, hidden) });
    const program = await device.compile(source, { label: 'last logits' });
    const { inputs } = completionMicroBatch([textOf('scored', scored.ids)], false);
    const last: HostTensor = { dtype: 'int32', shape: [1], data: Int32Array.of(scored.ids.length - 1) };
    const given = { ...inputs, last, ...Object.fromEntries(model.weights) };
    const outputs = (await program.run(inputsOf(source, given))) as Record<string, HostTensor>;
    const first = outputs['logits']!.data.subarray(0, 32);
    expect(largestDifference(first, scored.last_logits_first_32)).toBeLessThan(1e-3);
    await program.dispose();
    await model.dispose();
    await opened.files.close();
  });
});
