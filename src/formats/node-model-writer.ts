/** Writes model folders in Hugging Face's layout. */
import { copyFile, open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { badInput } from '../core/index.ts';
import { configText } from './config-text.ts';
import { writeFolderAtomic, writeFileAtomic } from '../files/index.ts';
import { unreadable } from './node-file-source.ts';
import { writeShardedSafetensors } from './node-safetensors-writer.ts';
import type { SafetensorsType, WritableTensor } from './safetensors-layout.ts';

export interface ModelFolderContent {
  readonly config: Readonly<Record<string, unknown>>;
  readonly generationConfig?: Readonly<Record<string, unknown>> | undefined;
  /** Paths of tokenizer.json, chat_template.jinja and the like, copied under their own names. */
  readonly tokenizerFilesToCopy?: readonly string[];
  /** Further text files by name, for a tokenizer that does not come as files. */
  readonly textFiles?: Readonly<Record<string, string>>;
  readonly tensors: readonly WritableTensor[];
  /** How weights are stored; default F32. Written into config.json as `dtype` too. */
  readonly type?: SafetensorsType;
  /** Default 5 GB. */
  readonly maxShardBytes?: number;
  /** Replace a folder that already holds something; default false: that is an error. */
  readonly overwrite?: boolean;
}

const DTYPE_NAMES: Readonly<Record<SafetensorsType, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/**
 * Writes a folder that Transformers and openModelFiles load: complete under `path` or not at all. Throws bad-input when the
 * folder holds something, run-failed when the disk is full or a value does not fit its type.
 */
export async function writeModelFolder(path: string, content: ModelFolderContent): Promise<void> {
  const { config, generationConfig, tokenizerFilesToCopy = [], textFiles = {}, tensors, type = 'F32' } = content;
  const copied = [...tokenizerFilesToCopy.map((file) => basename(file)), ...Object.keys(textFiles)];
  const clash = copied.find((name) => /^(config|generation_config)\.json$|\.safetensors/.test(name));
  if (clash !== undefined) {
    throw badInput(
      `writeModelFolder: tokenizer files must not be what the writer writes itself, got ${clash}; leave it out`,
    );
  }
  const fill = async (folder: string): Promise<void> => {
    // One key for the stored type, in the words of current Transformers; the older one would contradict it.
    const { torch_dtype: _, ...rest } = config;
    writeFileAtomic(join(folder, 'config.json'), configText({ ...rest, dtype: DTYPE_NAMES[type] }));
    if (generationConfig !== undefined) {
      writeFileAtomic(join(folder, 'generation_config.json'), jsonText(generationConfig));
    }
    for (const file of tokenizerFilesToCopy) await copySynced(file, join(folder, basename(file)));
    for (const [name, text] of Object.entries(textFiles)) writeFileAtomic(join(folder, name), text);
    const { maxShardBytes } = content;
    const limit = maxShardBytes === undefined ? {} : { maxShardBytes };
    // Transformers refuses files whose metadata do not name a framework's layout.
    await writeShardedSafetensors(folder, tensors, { type, metadata: { format: 'pt' }, ...limit });
  };
  await writeFolderAtomic(path, fill, { overwrite: content.overwrite ?? false });
}

/** JSON as Hugging Face's tools write it: two spaces, a newline at the end. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

async function copySynced(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((thrown: unknown) => {
    throw unreadable(from, thrown);
  });
  const file = await open(to, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
