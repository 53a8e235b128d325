import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, runFailed } from '../core/index.ts';
import { writeModelFolder, type ModelFolderContent, type SafetensorsType } from '../formats/index.ts';
import { parameterSpecs } from '../models/index.ts';
import { askingFiles, openModel } from '../policy/index.ts';
import { tokenizerFilesOf, type Tokenizer } from '../tokenizer/index.ts';
import type { MergedModel } from './merged-model.ts';
import type { ExportSource } from './source.ts';
import { verifyModel, type Trained, type Verification } from './verify.ts';

const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
];

/** What besides weights makes a folder loadable: tokenizer files, copied or made, and how to decode. */
export function companionFiles({
  opened,
  asked,
}: ExportSource): Pick<ModelFolderContent, 'generationConfig' | 'tokenizerFilesToCopy' | 'textFiles'> {
  const { files, tokenizer } = opened;
  // Transformers stops at what stands here before anything else: at all that training ended an answer with, whatever the base named.
  const generationConfig = {
    ...(files.generationConfig ?? {
      ...(tokenizer.bosId === undefined ? {} : { bos_token_id: tokenizer.bosId }),
      ...(tokenizer.padId === undefined ? {} : { pad_token_id: tokenizer.padId }),
    }),
    eos_token_id: stopsOf(tokenizer),
  };
  if (files.tokenizer.kind !== 'huggingface')
    return { generationConfig, textFiles: { ...tokenizerFilesOf(files.tokenizer), ...askingFiles(asked) } };
  const paths = TOKENIZER_FILES.map((name) => join(files.location, name)).filter((path) => existsSync(path));
  return { generationConfig, tokenizerFilesToCopy: paths, textFiles: askingFiles(asked) };
}

/** Every id at which an answer ends, in order. */
function stopsOf({ stopIds }: Pick<Tokenizer, 'stopIds'>): number[] {
  return stopIds.toSorted((a, b) => a - b);
}

/** Throws bad-input where config.json cannot say in Transformers' words what the model computes. */
export function requireTransformersConfig({ json }: MergedModel): void {
  const scaling = (json['rope_scaling'] ?? {}) as { rope_type?: unknown };
  if (scaling.rope_type === 'gguf-frequency-factors')
    throw badInput(
      "export: the rope must be one that Transformers knows, got frequency factors of a GGUF file that are not Llama 3's; export --to gguf instead",
    );
}

/** Writes a folder that Transformers loads, in shards where it is larger than `maxShardBytes`. */
export async function writeHuggingFace(
  path: string,
  {
    source,
    model,
    type,
    maxShardBytes,
  }: {
    readonly source: ExportSource;
    readonly model: MergedModel;
    readonly type: SafetensorsType;
    readonly maxShardBytes: number;
  },
): Promise<void> {
  const tensors = parameterSpecs(model.config).map(({ name, shape }) => ({
    name,
    shape,
    read: () => model.checkpoint.readFloat32(name),
  }));
  await writeModelFolder(path, { config: model.json, ...companionFiles(source), tensors, type, maxShardBytes });
}

/** Reads the folder again, and compares it with the trained model. */
export async function verifyHuggingFace(path: string, trained: Trained, type: SafetensorsType): Promise<Verification> {
  const { clock } = trained.tokenizer.chatTemplate ?? {};
  const opened = await openModel(path, { templateTime: clock?.time });
  try {
    const [stops, wanted] = [stopsOf(opened.tokenizer), stopsOf(trained.tokenizer)];
    if (stops.join() !== wanted.join())
      throw runFailed(
        `export: ${path} must stop at the tokens ${wanted.join(', ')}, it stops at ${stops.join(', ') || 'none'}`,
      );
    const model = { config: opened.config, checkpoint: opened.files.checkpoint };
    return await verifyModel(model, opened.tokenizer, { trained, format: type, what: path });
  } finally {
    await opened.files.close();
  }
}

/** How weights are stored where nobody says: as they came, where that is a plain type; what was quantised in F16, which holds its blocks well. */
export function naturalType({ opened }: ExportSource): SafetensorsType {
  const counts = new Map<string, number>();
  for (const { storedType, sizeBytes } of opened.files.checkpoint.entries.values())
    counts.set(storedType, (counts.get(storedType) ?? 0) + sizeBytes);
  const [most] = [...counts].toSorted(([, a], [, b]) => b - a).map(([type]) => type);
  return most === 'F32' || most === 'BF16' ? most : 'F16';
}
