import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PreftuneError, writeExactJson } from '../../core/index.ts';
import type { DataSource } from '../../data/index.ts';
import type { Prompt } from '../../generate/index.ts';
import { writeFileAtomic } from '../../files/index.ts';
import { evaluateBehaviour, type Evaluation } from '../behaviour/evaluate.ts';
import type { KnownFact } from '../behaviour/facts.ts';
import { frontierOf, type FrontierPoint } from '../behaviour/frontier.ts';
import type { InstructedPrompt } from '../behaviour/instructions.ts';
import { openSubjects } from '../behaviour/subjects.ts';
import { MICRO_BATCH_TOKENS, type DrawingOptions } from './answers.ts';
import type { Contestant } from './contestant.ts';

/** A model of a comparison beside its first model. */
export interface Measured {
  readonly name: string;
  /** The first contestant, which is the reference here. */
  readonly reference: string;
  readonly evaluation: Evaluation;
  readonly frontier?: readonly FrontierPoint[];
}

/** A model that cannot stand beside the first one. */
export interface NotMeasured {
  readonly name: string;
  readonly reason: string;
}

export interface MeasureOptions extends DrawingOptions {
  /** Answered at temperature 1; none where KL and behaviour are left out. */
  readonly prompts: readonly Prompt[];
  /** With what decides their content, for what is kept. */
  readonly texts?: { readonly sources: readonly DataSource[]; readonly state: unknown } | undefined;
  readonly facts?: readonly KnownFact[] | undefined;
  readonly instructions?: readonly InstructedPrompt[] | undefined;
  /** Whether checkpoints of runs are measured too. */
  readonly hasFrontier: boolean;
  /** The models of a contestant are opened. */
  readonly onOpening?: (name: string) => void;
  readonly onProgress?: (name: string, what: string, done: number, total: number) => void;
}

type Model = Extract<Contestant, { readonly kind: 'model' }>;

/**
 * Every model beside the first contestant, where that is a model too: how far it went, how its answers changed, what it lost. What was measured is kept, and measured again
 * only with other settings. A model that cannot stand beside the first one (another vocabulary) is left out, and why. Throws cancelled, and as drawing does.
 */
export async function measureContestants(
  contestants: readonly Contestant[],
  options: MeasureOptions,
): Promise<{ readonly measured: readonly Measured[]; readonly notMeasured: readonly NotMeasured[] }> {
  const [first, ...others] = contestants;
  const { prompts, texts, facts, instructions } = options;
  const nothing = { measured: [], notMeasured: [] };
  if (first?.kind !== 'model') return nothing;
  if (prompts.length === 0 && [texts, facts, instructions].every((one) => one === undefined)) return nothing;
  const measured: Measured[] = [];
  const notMeasured: NotMeasured[] = [];
  for (const contestant of others) {
    if (contestant.kind !== 'model') continue;
    const one = await kept(contestant, first, options);
    if ('reason' in one) notMeasured.push(one);
    else {
      measured.push(one);
      if (options.hasFrontier && contestant.run !== undefined && one.frontier === undefined)
        notMeasured.push({
          name: `checkpoints of ${contestant.name}`,
          reason: 'those of a run with an adapter are, beside the model under it as the first contestant',
        });
    }
  }
  return { measured, notMeasured };
}

async function kept(contestant: Model, first: Model, options: MeasureOptions): Promise<Measured | NotMeasured> {
  const { prompts, texts, facts, instructions, hasFrontier, maxNewTokens, seed, system, ask } = options;
  const inputs = { prompts, texts: texts?.state, facts, instructions };
  const identity = createHash('sha256')
    .update(writeExactJson([1, contestant, first, inputs, { hasFrontier, maxNewTokens, seed, system, ask }]))
    .digest('hex');
  const path = join(options.folder, 'measures', `${contestant.name}.json`);
  const there = readKept(path, identity);
  if (there !== undefined) return there;
  const measured = await measure(contestant, first, options);
  if ('reason' in measured) return measured;
  mkdirSync(dirname(path), { recursive: true });
  writeFileAtomic(path, `${JSON.stringify({ identity, measured })}\n`);
  // As a second command reads it: what JSON does not hold is not there the first time either.
  return readKept(path, identity)!;
}

/** Undefined where there is none, it was cut, or it is of other settings. */
function readKept(path: string, identity: string): Measured | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as { identity: string; measured: Measured };
    return found.identity === identity ? found.measured : undefined;
  } catch {
    return undefined;
  }
}

async function measure(contestant: Model, first: Model, options: MeasureOptions): Promise<Measured | NotMeasured> {
  const { prompts, texts, facts, instructions, hasFrontier, resolve, device, threads, batchSize, signal } = options;
  const { onWarning, onNote, onProgress, templateTime } = options;
  const [model, base] = [await resolve(contestant.model), await resolve(first.model)];
  // An adapter beside its own base is one graph, which knows whole distributions.
  const isShared =
    realpathSync(model) === realpathSync(base) &&
    contestant.adapter !== undefined &&
    first.adapter === undefined &&
    first.checkpoint === undefined;
  options.onOpening?.(contestant.name);
  const opened = await openSubjects({
    policy: { model: contestant.source },
    reference: isShared ? undefined : { model: first.source },
    resolve,
    templateTime,
    ask: options.ask,
    hasSystem: options.system !== undefined,
    device,
    threads,
    availableBytes: options.availableBytes,
    microBatchTokens: MICRO_BATCH_TOKENS,
    batchSize,
    signal,
    ...(onWarning && { onWarning }),
    ...(onNote && { onNote }),
  }).catch((thrown: unknown) => {
    // They cannot stand beside each other: another vocabulary.
    if (thrown instanceof PreftuneError && thrown.code === 'bad-input') return thrown.message;
    throw thrown;
  });
  const { name } = contestant;
  if (typeof opened === 'string') return { name, reason: opened };
  const subjects = opened;
  const sampling = {
    samples: 1,
    maxNewTokens: options.maxNewTokens,
    temperature: 1,
    seed: options.seed,
    system: options.system,
    signal,
  };
  try {
    const { evaluation } = await evaluateBehaviour(subjects, {
      ...sampling,
      ...(prompts.length > 0 && { prompts }),
      ...(texts && { texts: texts.sources }),
      ...(facts && { facts }),
      ...(instructions && { instructions }),
      onProgress: (what, done, total) => onProgress?.(name, what, done, total),
    });
    const { run } = contestant;
    const isRun = isShared && run !== undefined && contestant.checkpoint === undefined && prompts.length > 0;
    const frontier =
      hasFrontier && isRun
        ? await frontierOf(subjects, run, {
            ...sampling,
            prompts,
            onStep: (step, done, total) => onProgress?.(name, `step ${step}`, done, total),
          })
        : undefined;
    return { name, reference: first.name, evaluation, ...(frontier && { frontier }) };
  } finally {
    await subjects.dispose();
  }
}
