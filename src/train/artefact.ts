import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeModelFolder, type WritableTensor } from '../formats/index.ts';
import { tokenizerFilesOf } from '../tokenizer/index.ts';
import { askingFiles, readFinite, saveAdapter, type Asking, type OpenedModel, type Policy } from '../policy/index.ts';
import type { Trainable } from './loop/trainable.ts';

export interface TrainedModel {
  readonly policy: Policy;
  readonly opened: OpenedModel;
  /** How it is to be asked, where that is known. */
  readonly asked: Asking | undefined;
}

/** Writes RUN/adapter/ or RUN/model/, complete or absent, and returns its path. `folder` is the run's. */
export async function saveArtefact(
  folder: string,
  { policy, opened, asked }: TrainedModel,
  trainable: Trainable,
): Promise<string> {
  if (policy.adapter !== undefined) {
    const path = join(folder, 'adapter');
    await saveAdapter(path, policy, { tensors: trainable.tensors, asked });
    return path;
  }
  const path = join(folder, 'model');
  const tensors = policy.parameters.map(({ name, shape }): WritableTensor => ({
    name,
    shape,
    read: () => readFinite(trainable.tensors.get(name)!, name),
  }));
  const { files, tokenizer } = opened;
  await writeModelFolder(path, {
    config: files.config,
    // Where the source says nothing about decoding, its stop tokens must not be lost.
    generationConfig: files.generationConfig ?? { eos_token_id: [...tokenizer.stopIds] },
    ...(files.tokenizer.kind === 'huggingface'
      ? { tokenizerFilesToCopy: tokenizerFiles(files.location), textFiles: askingFiles(asked) }
      : { textFiles: { ...tokenizerFilesOf(files.tokenizer), ...askingFiles(asked) } }),
    tensors,
    overwrite: true,
  });
  return path;
}

const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'chat_template.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
];

function tokenizerFiles(folder: string): string[] {
  return TOKENIZER_FILES.map((name) => join(folder, name)).filter((path) => existsSync(path));
}
