/** PEFT adapter folders at file level: adapter_config.json and adapter_model.safetensors, names as PEFT writes them. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput, PreftuneError, type Problem } from '../core/index.ts';
import type { Checkpoint } from './checkpoint.ts';
import { describeValue, parseJsonObject } from './json.ts';
import { writeFolderAtomic, writeFileAtomic } from '../files/index.ts';
import { unreadable } from './node-file-source.ts';
import { openSafetensorsFile, readText } from './node-model-files.ts';
import { jsonText } from './node-model-writer.ts';
import { writeSafetensors } from './node-safetensors-writer.ts';
import type { SafetensorsType, WritableTensor } from './safetensors-layout.ts';

const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';

export interface AdapterFolder {
  /** adapter_config.json, not interpreted; peft_type is a string. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Names such as base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight. */
  readonly checkpoint: Checkpoint;
}

export interface AdapterContent {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly WritableTensor[];
  /** Further files by name. */
  readonly textFiles?: Readonly<Record<string, string>>;
  /** How weights are stored; default F32. */
  readonly type?: SafetensorsType;
  /** Replace a folder that already holds something; default false: that is an error. */
  readonly overwrite?: boolean;
}

/** Opens an adapter folder; close its checkpoint when done. Throws bad-input with the problems of both files. */
export async function readAdapterFolder(path: string): Promise<AdapterFolder> {
  const names = await readdir(path).catch((thrown: unknown) => {
    throw unreadable(path, thrown);
  });
  const problems: Problem[] = missingFiles(path, names);
  const collect = (thrown: unknown): undefined => {
    if (!(thrown instanceof PreftuneError)) throw thrown;
    problems.push(...thrown.problems);
    return undefined;
  };
  const config = names.includes(CONFIG) ? await readConfig(join(path, CONFIG)).catch(collect) : undefined;
  const checkpoint = names.includes(WEIGHTS)
    ? await openSafetensorsFile(join(path, WEIGHTS)).catch(collect)
    : undefined;
  if (config === undefined || checkpoint === undefined) {
    await checkpoint?.close();
    throw badInput(problems);
  }
  return { config, checkpoint };
}

/** Writes a folder that PEFT loads: complete under `path` or not at all. Throws as writeModelFolder does. */
export async function writeAdapterFolder(path: string, content: AdapterContent): Promise<void> {
  const { config, tensors, textFiles = {}, type = 'F32', overwrite = false } = content;
  const fill = async (folder: string): Promise<void> => {
    writeFileAtomic(join(folder, CONFIG), jsonText(config));
    for (const [name, text] of Object.entries(textFiles)) writeFileAtomic(join(folder, name), text);
    await writeSafetensors(join(folder, WEIGHTS), tensors, { type, metadata: { format: 'pt' } });
  };
  await writeFolderAtomic(path, fill, { overwrite });
}

function missingFiles(file: string, names: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  if (!names.includes(CONFIG)) problems.push({ file, message: `must hold ${CONFIG}, got a folder without it` });
  if (!names.includes(WEIGHTS)) {
    const got = names.includes('adapter_model.bin')
      ? 'adapter_model.bin, which is not read because loading it runs code; convert it to safetensors'
      : 'a folder without it';
    problems.push({ file, message: `must hold ${WEIGHTS}, got ${got}` });
  }
  return problems;
}

async function readConfig(file: string): Promise<Record<string, unknown>> {
  const config = parseJsonObject(await readText(file), file);
  if (typeof config.peft_type === 'string') return config;
  throw badInput({
    file,
    path: 'peft_type',
    message: `peft_type must be a string such as "LORA", got ${describeValue(config.peft_type)}`,
  });
}
