import { join } from 'node:path';
import { badInput, isObject, type Problem } from '../../core/index.ts';
import { openSafetensorsFile, readFiniteFloat32, type Checkpoint } from '../../formats/index.ts';
import { loraAnchorSpecs, loraParameterSpecs, parameterSpecs, type ModelConfig } from '../../models/index.ts';
import { readRunFile, type StoredCheckpoint } from '../../store/index.ts';
import { newAdapter, type Adapter, type NewAdapter } from '../adapter-config.ts';
import { adapterAsWritten, type ReadAdapter } from '../adapter-checkpoint.ts';
import { readAdapter } from './adapter-files.ts';
import { parseAdapterName, type AdapterName } from './model-name.ts';
import { startOfRun } from './run-parts.ts';

/** The tensors of a checkpoint: what is trained and what stays beside it, and the optimizer's. */
const TENSORS = 'state.safetensors';

interface NamedCheckpoint {
  readonly run: string;
  readonly checkpoint: StoredCheckpoint;
}

/**
 * The adapter of a checkpoint, as the run would have written it at that step. Throws bad-input for tensors that are not the run's, and where the
 * adapter that the run continued is gone.
 */
async function readCheckpointAdapter({ run, checkpoint }: NamedCheckpoint, config: ModelConfig): Promise<ReadAdapter> {
  const adapter = await adapterOfSpecification(run, config);
  const file = await openSafetensorsFile(join(checkpoint.path, TENSORS));
  try {
    const specs = [...loraParameterSpecs(config, adapter.lora), ...loraAnchorSpecs(config, adapter.lora)];
    requireTensors(checkpoint.path, file, specs);
    const written = await adapterAsWritten(adapter, { config, read: (name) => readFiniteFloat32(file, name) });
    return { ...written, fingerprint: await file.fingerprint() };
  } finally {
    await file.close();
  }
}

/** What the run's adapter looks like; its tensors are the checkpoint's. */
async function adapterOfSpecification(run: string, config: ModelConfig): Promise<Adapter> {
  const { model, adapter } = startOfRun(run);
  if (adapter !== undefined) return readNamedAdapter(parseAdapterName(adapter), config);
  const { lora } = readRunFile(run).specification;
  if (!isObject(lora))
    throw badInput({ file: run, message: 'run.json must describe the adapter that the run trains, it does not' });
  return newAdapter(config, lora as unknown as NewAdapter, model);
}

/** Reads an adapter by its name; see readAdapter for `base`. Throws bad-input. */
export async function readNamedAdapter(
  adapter: AdapterName,
  config: ModelConfig,
  base?: Checkpoint,
): Promise<ReadAdapter> {
  if (adapter.kind === 'folder') return readAdapter(adapter.path, config, base);
  return readCheckpointAdapter(adapter, config);
}

/** The weights of a run that trained every one, as a checkpoint has them. Throws bad-input for tensors that are not the model's. */
export async function openCheckpointWeights({ path }: StoredCheckpoint, config: ModelConfig): Promise<Checkpoint> {
  const file = await openSafetensorsFile(join(path, TENSORS));
  const specs = parameterSpecs(config);
  try {
    requireTensors(path, file, specs);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
  return { ...file, entries: new Map(specs.map(({ name }) => [name, file.entries.get(name)!])) };
}

function requireTensors(
  path: string,
  { entries }: Checkpoint,
  specs: readonly { readonly name: string; readonly shape: readonly number[] }[],
): void {
  const problems = specs.flatMap(({ name, shape }): Problem[] =>
    entries.get(name)?.shape.join() === shape.join()
      ? []
      : [
          {
            file: path,
            message: `the checkpoint must hold ${name} [${shape.join(', ')}], it does not; it belongs to another model`,
          },
        ],
  );
  if (problems.length > 0) throw badInput(problems);
}
