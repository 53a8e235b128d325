import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { badInput, badUsage, type Problem } from '../../core/index.ts';
import { listCheckpoints, readRunFile, RUN_FILE } from '../../store/index.ts';

/** Who answers the prompts. */
export type Contestant = {
  /** In tables and files. */
  readonly name: string;
  /** As it was written, for records. */
  readonly source: string;
} & (
  | {
      readonly kind: 'model';
      /** A folder, .gguf file or hub id. */
      readonly model: string;
      readonly adapter?: string | undefined;
      /** A checkpoint whose tensors stand in the adapter's place. */
      readonly checkpoint?: string | undefined;
      /** The run folder that it comes from. */
      readonly run?: string | undefined;
    }
  /** Answers that were made elsewhere. */
  | { readonly kind: 'answers'; readonly file: string }
  /** A model behind an OpenAI-compatible API. */
  | { readonly kind: 'endpoint'; readonly url: string; readonly model: string }
);

/**
 * Contestants as people write them, `NAME=` before each where the name shall be another: a model (folder, .gguf file, hub id), `MODEL+ADAPTER`, a run folder,
 * `RUN@step-N` for one of its checkpoints, `https://host/v1#model`, or a .jsonl file of answers. A run folder alone meets the model that it began from. Throws bad-input with every problem: runs that have not ended,
 * checkpoints that are not there, names given twice.
 */
export function parseContestants(words: readonly string[]): Contestant[] {
  const problems: Problem[] = [];
  const contestants = words.flatMap((word): Contestant[] => {
    const match = /^([\w.-]{1,40})=(.+)$/.exec(word);
    const isNamed = match !== null && !existsSync(word);
    const source = isNamed ? match[2]! : word;
    try {
      const one = contestantOf(source);
      return [{ ...one, source, name: isNamed ? match[1]! : defaultName(source) }];
    } catch (thrown) {
      problems.push({ message: (thrown as Error).message });
      return [];
    }
  });
  const [only] = contestants;
  if (words.length === 1 && only !== undefined && existsSync(join(only.source, RUN_FILE)))
    contestants.unshift(startOfRun(only.source));
  else if (words.length < 2)
    throw badUsage(
      `compare: two contestants must be named at least, or a run folder, which meets what it began from, got ${words.join(' ') || 'none'}`,
    );
  const names = contestants.map(({ name }) => name);
  for (const name of new Set(names.filter((one, i) => names.indexOf(one) < i)))
    problems.push({
      message: `compare: every contestant must have a name of its own, got ${name} twice; write NAME=${name} before one`,
    });
  if (problems.length > 0) throw badInput(problems);
  return contestants;
}

type Unnamed = Contestant extends infer C ? (C extends Contestant ? Omit<C, 'name' | 'source'> : never) : never;

function contestantOf(source: string): Unnamed {
  if (/^https?:\/\//.test(source)) {
    const [url, model] = source.split('#') as [string, string | undefined];
    if (!model)
      throw badInput(`compare: an address must name its model behind #, got ${source}; write ${source}#model`);
    return { kind: 'endpoint', url, model };
  }
  if (/\.jsonl?(\.gz|\.zst)?$/.test(source)) return { kind: 'answers', file: source };
  const [head, step] = /^(.*)@(step-\d+)$/.exec(source)?.slice(1) ?? [source, undefined];
  if (existsSync(join(head!, RUN_FILE))) return contestantOfRun(head!, step);
  if (step !== undefined)
    throw badInput(`compare: ${head} must be a run folder to have a checkpoint ${step}, it is none`);
  const plus = existsSync(source) ? -1 : source.lastIndexOf('+');
  if (plus < 0) return { kind: 'model', model: source };
  return { kind: 'model', model: source.slice(0, plus), adapter: source.slice(plus + 1) };
}

function contestantOfRun(run: string, step: string | undefined): Unnamed {
  const model = String(readRunFile(run).specification['model']);
  const [adapter, full] = [join(run, 'adapter'), join(run, 'model')];
  if (!existsSync(adapter) && existsSync(full)) {
    if (step === undefined) return { kind: 'model', model: full, run };
    throw badInput(`compare: checkpoints can be compared of runs with adapters, ${run} trained every weight`);
  }
  if (!existsSync(adapter))
    throw badInput(`compare: ${run} must have ended, it holds neither adapter/ nor model/; continue it with --resume`);
  if (step === undefined) return { kind: 'model', model, adapter, run };
  const found = listCheckpoints(run).find((checkpoint) => `step-${checkpoint.step}` === step);
  if (found !== undefined) return { kind: 'model', model, adapter, checkpoint: found.path, run };
  const there = listCheckpoints(run).map((checkpoint) => `step-${checkpoint.step}`);
  throw badInput(`compare: ${run} must have a checkpoint ${step}, it has ${there.join(', ') || 'none'}`);
}

/** What a run began from: its model, with the adapter that it continued. */
function startOfRun(run: string): Contestant {
  const { model, adapter } = readRunFile(run).specification;
  const continued = typeof adapter === 'string' ? { adapter } : {};
  const source = typeof adapter === 'string' ? `${String(model)}+${adapter}` : String(model);
  return { kind: 'model', name: 'start', source, model: String(model), ...continued };
}

function defaultName(source: string): string {
  const [, model] = source.split('#') as [string, string | undefined];
  const last = model ?? basename(source.replace(/[/\\]+$/, ''));
  return last.replace(/\.(gguf|jsonl?)(\.gz|\.zst)?$/, '').replaceAll(/[^\w.+@-]+/g, '-');
}
