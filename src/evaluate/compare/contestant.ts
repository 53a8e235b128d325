import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { badInput, badUsage, PreftuneError, type Problem } from '../../core/index.ts';
import { parseModelAndAdapter, parseModelName, startOfRun, type ModelName } from '../../policy/index.ts';

/** Who answers the prompts. */
export type Contestant = {
  /** In tables and files. */
  readonly name: string;
  /** As it was written, for records. */
  readonly source: string;
} & (
  | {
      readonly kind: 'model';
      /** A folder, .gguf file or hub id: what `source` stands on. */
      readonly model: string;
      readonly adapter?: string | undefined;
      /** A checkpoint whose tensors stand in the place of the adapter's, or of the model's. */
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
 * Contestants as people write them, `NAME=` before each where the name shall be another: a model by any of its names (see ModelName),
 * `https://host/v1#model`, or a .jsonl file of answers. A run alone meets the model that it began from. Throws bad-input with every problem: runs
 * that have not ended, checkpoints that are not there, names given twice. With `collected` they are put there, and the contestants without any returned.
 */
export function parseContestants(words: readonly string[], collected?: Problem[]): Contestant[] {
  const problems: Problem[] = [];
  const contestants = words.flatMap((word): Contestant[] => {
    const match = /^([\w.-]{1,40})=(.+)$/.exec(word);
    const isNamed = match !== null && !existsSync(word);
    const source = isNamed ? match[2]! : word;
    try {
      const one = contestantOf(source);
      return [{ ...one, source, name: isNamed ? match[1]! : defaultName(source) }];
    } catch (thrown) {
      if (!(thrown instanceof PreftuneError)) throw thrown;
      problems.push(...thrown.problems);
      return [];
    }
  });
  const [only] = contestants;
  if (words.length === 1 && only?.kind === 'model' && only.run !== undefined)
    contestants.unshift(startContestant(only.run));
  else if (words.length < 2)
    throw badUsage(
      `compare: two contestants must be named at least, or a run folder, which meets what it began from, got ${words.join(' ') || 'none'}`,
    );
  const names = contestants.map(({ name }) => name);
  for (const name of new Set(names.filter((one, i) => names.indexOf(one) < i)))
    problems.push({
      message: `compare: every contestant must have a name of its own, got ${name} twice; write NAME=${name} before one`,
    });
  collected?.push(...problems);
  if (problems.length > 0 && collected === undefined) throw badInput(problems);
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
  return modelContestant(parseModelName(source));
}

function modelContestant({ model, adapter, run, checkpoint }: ModelName): Unnamed {
  const of = run === undefined ? {} : { run };
  if (checkpoint !== undefined) return { kind: 'model', model, checkpoint: checkpoint.path, ...of };
  if (adapter === undefined) return { kind: 'model', model, ...of };
  if (adapter.kind === 'folder') return { kind: 'model', model, adapter: adapter.path, ...of };
  return { kind: 'model', model, adapter: join(adapter.run, 'adapter'), checkpoint: adapter.checkpoint.path, ...of };
}

/** What a run began from: its model, with the adapter that it continued. */
function startContestant(run: string): Contestant {
  const { model, adapter } = startOfRun(run);
  const source = adapter === undefined ? model : `${model}+${adapter}`;
  return { ...modelContestant(parseModelAndAdapter({ model, adapter })), name: 'start', source } as Contestant;
}

function defaultName(source: string): string {
  const [, model] = source.split('#') as [string, string | undefined];
  const last = model ?? basename(source.replace(/[/\\]+$/, ''));
  return last.replace(/\.(gguf|jsonl?)(\.gz|\.zst)?$/, '').replaceAll(/[^\w.+@-]+/g, '-');
}
