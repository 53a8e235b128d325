import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, PreftuneError, type Problem } from '../core/index.ts';
import { parseWeightedName, sourcesOfPath, type DataSource } from '../data/index.ts';
import { checkRunFolder } from '../store/index.ts';
import { readAdapter } from './adapter-files.ts';
import { compareTokenizers } from './compare-tokenizers.ts';
import type { RunContext } from './context.ts';
import { openModel, type OpenedModel } from './prepare.ts';
import { checkWeights } from './resident-model.ts';

/** What the user named, found and opened, before anything is computed or written. */
export interface RunInputs {
  readonly opened: OpenedModel;
  readonly data: readonly DataSource[];
  readonly heldOut: readonly DataSource[] | undefined;
  /** The model of --reference. */
  readonly reference: OpenedModel | undefined;
  close(): Promise<void>;
}

export interface NamedInputs {
  readonly model: string;
  readonly adapter?: string | undefined;
  readonly data: string | readonly string[];
  readonly heldOut?: string | readonly string[] | undefined;
  readonly reference?: string | undefined;
  readonly output?: string | undefined;
  /** The model's own weights are not read. */
  readonly initialise?: boolean;
}

/**
 * The rows that a user named, in that order; a name that is no file may have its weight in a mixture behind it (`b.parquet=0.3`). Throws
 * bad-input for a weight that is none.
 */
export async function sourcesOf(
  named: string | readonly string[],
  { resolve, sources }: Pick<RunContext, 'resolve' | 'sources'>,
): Promise<readonly DataSource[]> {
  const found: DataSource[] = [];
  for (const text of typeof named === 'string' ? [named] : named) {
    const { name, weight } = existsSync(text) ? { name: text, weight: undefined } : parseWeightedName(text);
    const own = sources === undefined ? await sourcesOfPath(await resolve(name, 'data')) : await sources(name);
    found.push(...(weight === undefined ? own : own.map((source) => ({ ...source, weight }))));
  }
  return found;
}

function isRunWithAdapter(path: string): boolean {
  return !existsSync(join(path, ADAPTER_CONFIG)) && existsSync(join(path, 'adapter', ADAPTER_CONFIG));
}

const ADAPTER_CONFIG = 'adapter_config.json';

/**
 * Finds everything that is named and opens the model. Throws bad-input with the problems of all of them at once: paths that do not
 * exist, an output folder that cannot be used, weights or an adapter that do not fit the configuration, a reference with another vocabulary.
 */
export async function openInputs(
  named: NamedInputs,
  context: RunContext & { readonly isResuming?: boolean },
): Promise<RunInputs> {
  const problems: Problem[] = [];
  const attempt = async <T>(work: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof PreftuneError) || thrown.code !== 'bad-input') throw thrown;
      problems.push(...thrown.problems);
      return undefined;
    }
  };
  const { output } = named;
  if (output !== undefined) await attempt(() => checkRunFolder(output, context.isResuming === true));
  // What is small comes first: a missing file should not wait for a model's download.
  const data = await attempt(() => sourcesOf(named.data, context));
  const heldOut = named.heldOut === undefined ? undefined : await attempt(() => sourcesOf(named.heldOut!, context));
  const reference =
    named.reference === undefined
      ? undefined
      : await attempt(async () => openModel(await context.resolve(named.reference!, 'model')));
  const opened = await attempt(async () =>
    openModel(await context.resolve(named.model, 'model'), { withoutWeights: named.initialise === true }),
  );
  if (opened !== undefined) {
    const { config, files } = opened;
    if (named.initialise !== true) problems.push(...checkWeights(config, files.checkpoint));
    if (named.adapter !== undefined && existsSync(named.adapter) && !isRunWithAdapter(named.adapter))
      await attempt(() => readAdapter(named.adapter!, config));
  }
  if (reference !== undefined) {
    const file = named.reference!;
    problems.push(...checkWeights(reference.config, reference.files.checkpoint).map((one) => ({ file, ...one })));
    if (opened !== undefined)
      await attempt(() => compareTokenizers(opened.tokenizer, reference.tokenizer, context.listener.onWarning));
  }
  if (named.adapter !== undefined && isRunWithAdapter(named.adapter))
    problems.push({
      file: named.adapter,
      message: `the adapter must be a PEFT folder, got a run that holds one; name ${join(named.adapter, 'adapter')}`,
    });
  if (named.adapter !== undefined && !existsSync(named.adapter))
    problems.push({
      file: named.adapter,
      message: 'the adapter must be a folder that exists, as PEFT writes it; check the path',
    });
  const close = async (): Promise<void> => {
    await opened?.files.close();
    await reference?.files.close();
  };
  if (problems.length > 0 || opened === undefined || data === undefined) {
    await close();
    throw badInput(problems);
  }
  return { opened, data, heldOut, reference, close };
}
