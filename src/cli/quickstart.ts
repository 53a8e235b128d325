import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { badInput, PreftuneError, runFailed } from '../core/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import { findingText } from '../monitor/index.ts';
import { parseDpoSpecification } from '../specification/index.ts';
import { trainDpo, type Metrics, type RecipeListener } from '../train/index.ts';
import { option } from '../options/index.ts';
import { defineCommand, type CommandContext } from './frame/command.ts';
import { trainingFigures, type ProgressBar } from './frame/progress.ts';
import { recipeContext } from './training/recipe-context.ts';
import {
  createQuickstartSampler,
  type AnswerCounts,
  quickstartPairs,
  type QuickstartPair,
} from '../quickstart/index.ts';
import { quickstartFiles, summaryText, summaryValue, type Measured } from './quickstart-summary.ts';

/** From src/cli and from dist/cli it is as far. */
const MODEL = fileURLToPath(new URL('../../assets/embedded-model/', import.meta.url));

const DEFAULT_OUTPUT = 'preftune-quickstart';

const OPTIONS = z.strictObject({
  output: option(z.string().min(1).optional(), {
    help: 'new folder for pairs, run and report',
    alias: '-o',
    usually: `${DEFAULT_OUTPUT}, or that with a number`,
  }),
  seed: option(z.int().min(0).default(0), { help: 'of the pairs and of the training' }),
});

/** `preftune quickstart`: the whole loop on the embedded model, offline. */
export const QUICKSTART = defineCommand({
  name: 'quickstart',
  hasEvents: true,
  description: 'Teaches a small model to be friendly, in about a minute, offline: see what preftune does',
  examples: [
    { does: 'about a minute, nothing is downloaded', words: '' },
    { does: 'in a folder of your choice, with other pairs', words: '--output first-try --seed 1' },
  ],
  options: OPTIONS,
  run,
});

/**
 * The run's settings, chosen on three seeds by what is answered, not by the accuracy, which is near 1 in all of these. The
 * model is small and the taste plain, so the rate is above what large models take. At 2.5e-4 up to one question in five still got a curt answer; at
 * 4e-4 none, and as many answers are right as before or more (27, 32, 29 before; 29, 32, 32 after, of 33, 38 and 35). 6e-4 says no more of
 * that, and some answers are lost.
 */
function specificationOf(output: string, seed: number) {
  const files = quickstartFiles(output);
  return parseDpoSpecification({
    model: MODEL,
    data: files.pairs,
    heldOut: files.heldOut,
    output: files.run,
    lora: { rank: 16, alpha: 32 },
    beta: 0.5,
    learningRate: 4e-4,
    epochs: 3,
    batchSize: 8,
    microBatchTokens: 1024,
    evaluateSteps: 25,
    checkpointSteps: 1000,
    keepCheckpoints: 1,
    seed,
  });
}

async function run({ output: named, seed }: z.output<typeof OPTIONS>, context: CommandContext): Promise<void> {
  const started = performance.now();
  const { terminal, signal } = context;
  if (!existsSync(join(MODEL, 'model.safetensors')))
    throw runFailed(
      `quickstart: the embedded model's weights must be at ${join(MODEL, 'model.safetensors')}, they are not; install preftune again`,
    );
  const output = outputFolder(named);
  const pairs = quickstartPairs(seed);
  writePairs(output, pairs);
  const sampler = createQuickstartSampler(pairs.heldOut, signal);
  terminal.note(`${pairs.train.length} pairs of a friendly and a curt answer, ${pairs.heldOut.length} more held out`);
  const result = await trainDpo(specificationOf(output, seed), {
    ...recipeContext(context, { listener: listenerOf(context) }),
    referenceCache: join(output, 'reference'),
    sampler,
  });
  terminal.close();
  if (!result.isComplete || sampler.counts.length < 2)
    throw new PreftuneError('cancelled', `quickstart: stopped after step ${result.steps}; start again for a whole one`);
  const summary = {
    output,
    seconds: (performance.now() - started) / 1000,
    steps: result.steps,
    trainPairs: pairs.train.length,
    heldOutPairs: pairs.heldOut.length,
    before: measuredOf(result.firstEvaluation!, sampler.counts[0]!),
    after: measuredOf(result.lastEvaluation!, sampler.counts.at(-1)!),
    samples: result.samples,
    model: shortest(MODEL.replace(/[/\\]$/, '')),
    adapter: result.artefact!,
  };
  terminal.result(summaryValue(summary), summaryText(summary, terminal.columns));
}

/** A path as it is typed from here, where that is not longer. */
function shortest(path: string): string {
  const here = relative(process.cwd(), path);
  return here.startsWith('..') ? path : here;
}

function measuredOf(metrics: Metrics, answers: AnswerCounts): Measured {
  return { accuracy: metrics['rewards/accuracies']!, margin: metrics['rewards/margins']!, answers };
}

function isFree(path: string): boolean {
  return !existsSync(path) || readdirSync(path).length === 0;
}

/** The folder that was asked for, which must be new or empty, or the first free one of the default's names. */
function outputFolder(given: string | undefined): string {
  if (given !== undefined) {
    if (isFree(given)) return given;
    throw badInput({
      path: 'output',
      message: `quickstart: --output must be a new or empty folder, got ${given}, which holds files; name another`,
    });
  }
  for (let number = 1; ; number++) {
    const name = number === 1 ? DEFAULT_OUTPUT : `${DEFAULT_OUTPUT}-${number}`;
    if (isFree(name)) return name;
  }
}

function jsonl(rows: readonly QuickstartPair[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

function writePairs(output: string, pairs: ReturnType<typeof quickstartPairs>): void {
  const files = quickstartFiles(output);
  mkdirSync(output, { recursive: true });
  writeFileAtomic(files.pairs, jsonl(pairs.train));
  writeFileAtomic(files.heldOut, jsonl(pairs.heldOut));
}

function listenerOf({ terminal }: CommandContext): RecipeListener {
  let bar: ProgressBar | undefined;
  return {
    onReference: (done, total) => {
      bar ??= terminal.progress('reference');
      bar.update({ done, total, unit: 'rows' });
      if (done < total) return;
      bar.finish();
      bar = undefined;
    },
    onStep: ({ step, totalSteps, metrics }) => {
      bar ??= terminal.progress('train');
      const { loss, 'rewards/accuracies': accuracy, 'rewards/margins': margin } = metrics;
      const figures = trainingFigures({ loss: loss!, accuracy: accuracy!, margin: margin! });
      bar.update({ done: step, total: totalSteps, figures });
    },
    onWarning: terminal.warn,
    onFinding: (finding) => terminal.warn(findingText(finding)),
  };
}
