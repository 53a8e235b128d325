import { openModelFiles, writeGguf, type TokenizerFiles } from '../../formats/index.ts';
import { GGUF_ASKED, understandModel } from '../../policy/index.ts';
import { nameForStripping } from '../../tokenizer/index.ts';
import { ggufDialect, ggufConfig, ggufLimits, text, type GgufMetadata } from './gguf-config.ts';
import { GGUF_FILE_TYPES, ggufTensors, mixtureText, type GgufFileType } from './gguf-tensors.ts';
import { ggufTokenizer } from './gguf-tokenizer.ts';
import type { MergedModel } from '../merged-model.ts';
import type { SampleSet } from '../samples.ts';
import type { ExportSource } from '../source.ts';
import { verifyModel, type Verification, type Trained } from '../verify.ts';

/** The version of ggml's quantised layouts. */
const QUANTISATION_VERSION = 2;

export interface GgufOptions {
  readonly source: ExportSource;
  readonly model: MergedModel;
  readonly samples: SampleSet;
  readonly fileType: GgufFileType;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** general.name, by which llama.cpp knows that white space behind Phi-3's special tokens belongs to them. */
function nameIn(files: TokenizerFiles, name: string): string {
  if (files.kind !== 'huggingface') return name;
  const { added_tokens: added = [] } = files.tokenizerJson as {
    added_tokens?: { content: string; rstrip?: boolean }[];
  };
  return nameForStripping(name, added);
}

/** Metadata of a model's file, all of it. */
function metadataOf({ source, model, samples, fileType }: GgufOptions): GgufMetadata {
  const { files, tokenizer } = source.opened;
  const { vocabularySize } = model.config;
  const { architecture, preTokenizers } = ggufDialect(model.config);
  const name = nameIn(files.tokenizer, source.name);
  const options = { files: files.tokenizer, tokenizer, vocabularySize, samples, preTokenizers, name };
  return new Map([
    ['general.architecture', text(architecture)],
    ['general.type', text('model')],
    ['general.name', text(name)],
    ['general.file_type', { type: 'uint32', value: GGUF_FILE_TYPES[fileType] }],
    ['general.quantization_version', { type: 'uint32', value: QUANTISATION_VERSION }],
    ...ggufConfig(model),
    ...ggufTokenizer(options),
    ...(source.asked === 'raw' ? ([[GGUF_ASKED, text('raw')]] as const) : []),
  ]);
}

/** Writes a model as one GGUF file, with its tokenizer and chat template inside. Gives what a reader should know. */
export async function writeGgufModel(path: string, options: GgufOptions): Promise<string[]> {
  const tensors = ggufTensors(options.model, options.fileType);
  const { onProgress } = options;
  await writeGguf(path, {
    metadata: metadataOf(options),
    tensors,
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return [mixtureText(tensors), ...ggufLimits(options.model)];
}

/** Reads a GGUF file again, and compares it with the trained model. */
export async function verifyGgufModel(path: string, trained: Trained, fileType: GgufFileType): Promise<Verification> {
  const { clock } = trained.tokenizer.chatTemplate ?? {};
  const opened = await understandModel(await openModelFiles(path), { templateTime: clock?.time });
  try {
    return await verifyModel({ config: opened.config, checkpoint: opened.files.checkpoint }, opened.tokenizer, {
      trained,
      format: fileType,
      what: path,
      isGguf: true,
    });
  } finally {
    await opened.files.close();
  }
}
