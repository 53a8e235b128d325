/** Opens what the user names as a model: a Hugging Face folder, a .gguf file, or a folder that holds one. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { badInput, internal, PreftuneError, type Problem } from '../core/index.ts';
import type { Checkpoint, ModelFiles, TokenizerFiles } from './checkpoint.ts';
import { openGguf } from './gguf/gguf.ts';
import { describeValue, parseJsonObject } from './json.ts';
import { openFileSource, unreadable } from './node-file-source.ts';
import { nodeSha256 } from './node-sha256.ts';
import { openSafetensors, openShardedSafetensors } from './safetensors.ts';

/** A JSON or template file of a model folder may be this large; the largest tokenizer.json has about 35 MB. */
export const MAX_TEXT_FILE_BYTES = 1 << 28;

const WEIGHTS = 'model.safetensors';
const WEIGHTS_INDEX = 'model.safetensors.index.json';
/** Weights in Python's pickle, which runs code when it is read. */
const PICKLED = /^(pytorch_model.*\.bin|pytorch_model\.bin\.index\.json|.*\.pth|.*\.pt|.*\.ckpt|adapter_model\.bin)$/;

export interface OpenModelOptions {
  /** A folder whose weights are not needed, since training starts from random ones: config.json and a tokenizer are enough. */
  readonly withoutWeights?: boolean;
}

/** The checkpoint of a model that has no weights yet. */
const NO_WEIGHTS: Checkpoint = {
  entries: new Map(),
  readFloat32: (name) => Promise.reject(internal(`${name} is read from a model opened without weights`)),
  fingerprint: () => Promise.resolve('random'),
  close: () => Promise.resolve(),
};

/**
 * Opens the model at `location`. Headers, configuration and tokenizer files are read and checked; weights are read on
 * request. Throws bad-input with the problems of all files at once.
 *
 * @example
 * ```ts run
 * import { openModelFiles } from 'preftune';
 *
 * const files = await openModelFiles('node_modules/preftune/assets/embedded-model');
 * console.log(files.format, files.config['model_type']); // huggingface llama
 * const norm = await files.checkpoint.readFloat32('model.norm.weight');
 * console.log(norm.length); // 192
 * await files.close();
 * ```
 */
export async function openModelFiles(
  location: string,
  { withoutWeights = false }: OpenModelOptions = {},
): Promise<ModelFiles> {
  const status = await stat(location).catch((thrown: unknown) => {
    throw unreadable(location, thrown);
  });
  if (!status.isDirectory()) return openGgufFile(location);
  const names = await readdir(location).catch((thrown: unknown) => {
    throw unreadable(location, thrown);
  });
  if (withoutWeights) return openFolder(location, new Set(names), () => Promise.resolve(NO_WEIGHTS));
  if (names.includes(WEIGHTS) || names.includes(WEIGHTS_INDEX))
    return openFolder(location, new Set(names), openWeights);
  const ggufs = names.filter((name) => extname(name).toLowerCase() === '.gguf');
  if (ggufs.length === 1) return { ...(await openGgufFile(join(location, ggufs[0]!))), location };
  throw badInput({ file: location, message: noWeights(names, ggufs) });
}

/** What to say about a folder in which no weights can be opened. */
function noWeights(names: readonly string[], ggufs: readonly string[]): string {
  const wanted = `must hold ${WEIGHTS}, ${WEIGHTS_INDEX} or one .gguf file`;
  if (ggufs.length > 1) return `${wanted}, got ${ggufs.toSorted().join(', ')}; name one of these files`;
  const pickled = names.find((name) => PICKLED.test(name));
  if (pickled !== undefined) {
    return `${wanted}, got ${pickled}, which is not read because loading it runs code; convert it to safetensors`;
  }
  if (names.includes('adapter_config.json')) return `${wanted}, got an adapter; name its base model here`;
  if (names.length === 0) return `${wanted}, got an empty folder`;
  return `${wanted}, got ${names.length} other files such as ${names.toSorted()[0]}; check the path`;
}

async function openGgufFile(path: string): Promise<ModelFiles> {
  if (extname(path).toLowerCase() === '.safetensors') {
    throw badInput({
      file: path,
      message: 'must be a folder or a .gguf file, got a safetensors file; name its folder',
    });
  }
  if (PICKLED.test(basename(path))) {
    throw badInput({
      file: path,
      message: 'must be a folder or a .gguf file, got a pickled one; convert it to safetensors',
    });
  }
  const source = await openFileSource(path);
  try {
    return await openGguf(source, nodeSha256);
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
}

async function openFolder(folder: string, names: ReadonlySet<string>, open: typeof openWeights): Promise<ModelFiles> {
  const problems: Problem[] = [];
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof PreftuneError)) throw thrown;
      problems.push(...thrown.problems);
      return undefined;
    }
  };
  const json = (name: string): Promise<Record<string, unknown> | undefined> =>
    attempt(async () =>
      names.has(name) ? parseJsonObject(await readText(join(folder, name)), join(folder, name)) : undefined,
    );
  const config = await json('config.json');
  if (!names.has('config.json')) {
    problems.push({ file: folder, message: 'must hold config.json, got a folder without it; copy it from the model' });
  }
  const generationConfig = await json('generation_config.json');
  const tokenizerJson = await json('tokenizer.json');
  const tokenizerConfig = await json('tokenizer_config.json');
  const specialTokensMap = await json('special_tokens_map.json');
  const chatTemplate = await attempt(() => readChatTemplate(folder, names));
  const checkpoint = await attempt(() => open(folder, names));
  if (config === undefined || checkpoint === undefined || problems.length > 0) {
    await checkpoint?.close();
    throw badInput(problems);
  }
  const tokenizer: TokenizerFiles =
    tokenizerJson === undefined
      ? { kind: 'none', reason: `${folder}: must hold tokenizer.json, got a folder without it` }
      : { kind: 'huggingface', tokenizerJson, tokenizerConfig, chatTemplate, specialTokensMap };
  const close = (): Promise<void> => checkpoint.close();
  return { location: folder, format: 'huggingface', config, generationConfig, tokenizer, checkpoint, close };
}

async function openWeights(folder: string, names: ReadonlySet<string>): Promise<Checkpoint> {
  // Transformers prefers the single file where both stand.
  if (names.has(WEIGHTS)) return openSafetensorsFile(join(folder, WEIGHTS));
  const indexName = join(folder, WEIGHTS_INDEX);
  return openShardedSafetensors({
    indexText: await readText(indexName),
    indexName,
    openShard: (file) => openFileSource(join(folder, file)),
    createHash: nodeSha256,
  });
}

/** openSafetensors for a path; the file is closed again when its header is bad. */
export async function openSafetensorsFile(path: string): Promise<Checkpoint> {
  const source = await openFileSource(path);
  try {
    return await openSafetensors(source, nodeSha256);
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
}

/** chat_template.jinja, else the template inside chat_template.json. */
async function readChatTemplate(folder: string, names: ReadonlySet<string>): Promise<string | undefined> {
  if (names.has('chat_template.jinja')) return readText(join(folder, 'chat_template.jinja'));
  if (!names.has('chat_template.json')) return undefined;
  const file = join(folder, 'chat_template.json');
  const template = parseJsonObject(await readText(file), file).chat_template;
  if (typeof template === 'string') return template;
  throw badInput({
    file,
    path: 'chat_template',
    message: `chat_template must be a string, got ${describeValue(template)}`,
  });
}

/** A UTF-8 text file. Throws bad-input when it is missing, too large or not UTF-8. */
export async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((thrown: unknown) => {
    throw unreadable(path, thrown);
  });
  if (bytes.byteLength > MAX_TEXT_FILE_BYTES) {
    const message = `must have at most ${MAX_TEXT_FILE_BYTES} bytes, got ${bytes.byteLength}; is this the right file?`;
    throw badInput({ file: path, message });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (thrown) {
    throw badInput({ file: path, message: 'must be UTF-8, got other bytes; save it as UTF-8' }, { cause: thrown });
  }
}
