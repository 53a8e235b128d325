import { badInput, isObject, PreftuneError } from '../../core/index.ts';
import type { ModelConfig } from '../../models/index.ts';
import { readRunFile } from '../../store/index.ts';
import { openModel } from './open-model.ts';
import type { OpenedModel } from '../understand-model.ts';
import { checkWeights } from '../resident-model.ts';
import { weightsFingerprint } from '../weights-fingerprint.ts';
import type { ReadAdapter } from '../adapter-checkpoint.ts';
import { openCheckpointWeights, readNamedAdapter } from './checkpoint-weights.ts';
import { parseAdapterName, parseModelAndAdapter, runOfAdapter, type ModelName } from './model-name.ts';
import { startOfRun } from './run-parts.ts';

/** A model that a user named: its files and its adapter, read and checked, not yet on a device. */
export interface NamedModel {
  readonly name: ModelName;
  readonly opened: OpenedModel;
  readonly adapter: ReadAdapter | undefined;
  close(): Promise<void>;
}

/** Turns a folder, .gguf file or hub id into a path on this computer. Default: it is one. */
export type ResolveModel = (model: string) => Promise<string>;

export interface OpenNamedOptions {
  readonly resolve?: ResolveModel | undefined;
  /** What chat templates are told, a local time in ISO 8601. Default: now. */
  readonly templateTime?: string | undefined;
  /** The adapter is checked, and what an anchored one takes out of the weights is not computed. Default false. */
  readonly isChecked?: boolean;
}

/** Opens a model by its name, with an adapter that may be named apart. Throws bad-input with the problems of both, as openNamedModel does. */
export async function openModelAndAdapter(
  named: { readonly model: string; readonly adapter?: string | undefined },
  options: OpenNamedOptions = {},
): Promise<NamedModel> {
  let name: ModelName;
  try {
    name = parseModelAndAdapter(named);
  } catch (thrown) {
    if (!(thrown instanceof PreftuneError) || named.adapter === undefined) throw thrown;
    // What is wrong with the model should not wait until the adapter is right.
    await openModelAndAdapter({ model: named.model }, options).then(
      (model) => model.close(),
      (other: unknown) => {
        if (!(other instanceof PreftuneError) || other.code !== 'bad-input') throw other;
        const known = new Set(thrown.problems.map(({ message }) => message));
        throw badInput([...other.problems.filter(({ message }) => !known.has(message)), ...thrown.problems]);
      },
    );
    throw thrown;
  }
  return openNamedModel(name, options);
}

/**
 * Opens what parseModelName understood. Throws bad-input for files that do not fit each other, an adapter of another model, and a run whose model is no longer
 * the one that it was trained on.
 */
export async function openNamedModel(
  name: ModelName,
  { resolve = async (model) => model, isChecked = false, templateTime }: OpenNamedOptions = {},
): Promise<NamedModel> {
  const opened = await openBase(name, await resolve(name.model), templateTime);
  try {
    const { config, files } = opened;
    const problems = checkWeights(config, files.checkpoint);
    if (problems.length > 0) throw badInput(problems.map((one) => ({ file: name.model, ...one })));
    const notes = [...(opened.notes ?? []), ...(name.notes ?? []), ...(await baseNotes(name, opened))];
    const adapter =
      name.adapter && (await readNamedAdapter(name.adapter, config, isChecked ? undefined : files.checkpoint));
    return { name, opened: { ...opened, notes }, adapter, close: () => files.close() };
  } catch (thrown) {
    await opened.files.close();
    throw thrown;
  }
}

/** The model, with a checkpoint's weights where the name says so. */
async function openBase(
  { checkpoint }: ModelName,
  path: string,
  templateTime: string | undefined,
): Promise<OpenedModel> {
  const opened = await openModel(path, { templateTime });
  if (checkpoint === undefined) return opened;
  const { files, config } = opened;
  const weights = await openCheckpointWeights(checkpoint, config).catch(async (thrown: unknown) => {
    await files.close();
    throw thrown;
  });
  const close = async (): Promise<void> => {
    await weights.close();
    await files.close();
  };
  return { ...opened, files: { ...files, checkpoint: weights, close } };
}

/**
 * An adapter on another base than its own is another model, and nothing would say so: of a run's own model that is refused, of one that a user puts in its place it is a note.
 */
async function baseNotes(name: ModelName, opened: OpenedModel): Promise<string[]> {
  if (name.adapter === undefined) return [];
  const run = name.run ?? runOfAdapter(name.adapter);
  if (run === undefined) return [];
  const weights = await otherWeights(run, opened);
  if (weights === undefined) return [];
  const { model } = readRunFile(run).specification;
  const others = `the weights that ${run} was trained on (${String(model)}, ${weights.slice(0, 12)})`;
  if (name.run !== undefined)
    throw badInput({ file: name.model, message: `the base must have ${others}, it has others; name the same file` });
  return [`${name.model} has not ${others}, but others: the adapter may do something else there`];
}

/** The fingerprint of the weights that a run was trained on, where the opened model has others. */
async function otherWeights(run: string, { files, config }: OpenedModel): Promise<string | undefined> {
  const { model: known } = readRunFile(run);
  const weights = isObject(known) ? known['weights'] : undefined;
  if (typeof weights !== 'string') return undefined;
  const { adapter } = startOfRun(run);
  const continued = adapter === undefined ? undefined : await continuedAdapter(adapter, config);
  if (continued === 'gone' || (await weightsFingerprint(files.checkpoint, continued)) === weights) return undefined;
  return weights;
}

/** The adapter that a run continued, which may no longer be there to be asked. */
async function continuedAdapter(adapter: string, config: ModelConfig): Promise<ReadAdapter | 'gone'> {
  try {
    return await readNamedAdapter(parseAdapterName(adapter), config);
  } catch (thrown) {
    if (thrown instanceof PreftuneError) return 'gone';
    throw thrown;
  }
}
