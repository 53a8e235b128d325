/**
 * npx tsx bench/short-runs.ts --pairs 30,100,300,1000 --epochs 1,3 --batch 4,8 --rate 5e-5,2e-4 [--seeds 1] [--beta 0.1]
 *
 * What a run on few pairs gives, by its settings: the quickstart's pairs under LoRA DPO of the embedded model, beside the same held-out pairs of other facts.
 * One line for each run: steps, held-out loss (at its best, and where it ended), accuracy, margin, and how the held-out questions are answered. The measurements from which
 * `--auto` was made (docs/log.md).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createQuickstartSampler, quickstartPairs, type QuickstartPair } from '../src/quickstart/index.ts';
import { parseDpoSpecification } from '../src/specification/index.ts';
import { trainDpo } from '../src/train/index.ts';

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '30,100,300,1000' },
    epochs: { type: 'string', default: '1' },
    batch: { type: 'string', default: '8' },
    rate: { type: 'string', default: '5e-5' },
    beta: { type: 'string', default: '0.1' },
    seeds: { type: 'string', default: '1' },
  },
});

const MODEL = fileURLToPath(new URL('../assets/embedded-model/', import.meta.url));
const HELD_OUT_SEEDS = 3;

const numbers = (text: string): number[] => text.split(',').map(Number);

/** Pairs of distinct questions, none of them about a fact that is held out. */
function draw(seed: number): { train: QuickstartPair[]; heldOut: QuickstartPair[] } {
  const heldOut = new Map<string, QuickstartPair>();
  for (let i = 0; i < HELD_OUT_SEEDS; i++)
    for (const pair of quickstartPairs(1000 + i).heldOut) heldOut.set(pair.id, pair);
  const train = new Map<string, QuickstartPair>();
  for (let i = 0; train.size < 1000 && i < 100; i++)
    for (const pair of quickstartPairs(100 * seed + i).train)
      if (!heldOut.has(pair.id)) train.set(pair.prompt[0]!.content, pair);
  return { train: [...train.values()], heldOut: [...heldOut.values()] };
}

const jsonl = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function runOne(
  seed: number,
  settings: { pairs: number; epochs: number; batchSize: number; learningRate: number },
) {
  const folder = mkdtempSync(join(tmpdir(), 'preftune-short-'));
  try {
    const { train, heldOut } = draw(seed);
    writeFileSync(join(folder, 'pairs.jsonl'), jsonl(train.slice(0, settings.pairs)));
    writeFileSync(join(folder, 'held-out.jsonl'), jsonl(heldOut));
    const { pairs: _pairs, ...given } = settings;
    const specification = parseDpoSpecification({
      ...given,
      model: MODEL,
      data: join(folder, 'pairs.jsonl'),
      heldOut: join(folder, 'held-out.jsonl'),
      output: join(folder, 'run'),
      beta: Number(values.beta),
      microBatchTokens: 1024,
      threads: 1,
      checkpointSteps: 100_000,
      evaluateSteps: Math.max(1, Math.round((settings.pairs * settings.epochs) / settings.batchSize / 4)),
      seed,
    });
    const sampler = createQuickstartSampler(heldOut, new AbortController().signal);
    const losses: number[] = [];
    const started = performance.now();
    const result = await trainDpo(specification, {
      resolve: async (named) => named,
      referenceCache: join(folder, 'reference'),
      versions: {},
      isResuming: false,
      listener: { onEvaluation: (_step, metrics) => losses.push(metrics['loss']!) },
      sampler,
    });
    const last = result.lastEvaluation!;
    const [before, after] = [sampler.counts[0]!, sampler.counts.at(-1)!];
    return {
      ...settings,
      seed,
      steps: result.steps,
      heldOut: heldOut.length,
      accuracy: last['rewards/accuracies'],
      margin: last['rewards/margins'],
      loss: last['loss'],
      best: Math.min(...losses),
      friendly: `${before.friendly}->${after.friendly}`,
      right: `${before.right}->${after.right}`,
      questions: after.questions,
      seconds: Math.round((performance.now() - started) / 1000),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const pairs of numbers(values.pairs))
  for (const epochs of numbers(values.epochs))
    for (const batchSize of numbers(values.batch))
      for (const learningRate of numbers(values.rate))
        for (let seed = 1; seed <= Number(values.seeds); seed++)
          process.stdout.write(`${JSON.stringify(await runOne(seed, { pairs, epochs, batchSize, learningRate }))}\n`);
