import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PreftuneError } from '../core/index.ts';
import type { DataSource } from '../data/index.ts';
import { writeFolderAtomic } from '../files/index.ts';
import { positionLimit } from '../models/index.ts';
import { verifyGgufLora, writeGgufLora } from './gguf/gguf-lora.ts';
import { verifyGgufModel, writeGgufModel } from './gguf/gguf-model.ts';
import { naturalType, requireTransformersConfig, verifyHuggingFace, writeHuggingFace } from './hf.ts';
import { sourceOf } from '../policy/index.ts';
import { sampleLogps } from '../score/index.ts';
import { mergedModel, type MergedModel } from './merged-model.ts';
import { modelCard } from './model-card.ts';
import { modelfileOf } from './gguf/modelfile.ts';
import { onnxFileName, verifyOnnx, writeOnnxCompanions, writeOnnxModel } from './onnx/onnx-folder.ts';
import type { OnnxType } from './onnx/onnx-types.ts';
import { verifyPeft, writePeft } from './peft.ts';
import { sampleSet } from './samples.ts';
import { qualityText } from './quality.ts';
import { checkSpecification, isSingleFile, type ExportSpecification } from './specification.ts';
import { sizeOnDisk, type ExportSource } from './source.ts';
import type { ExportTarget } from './targets.ts';
import type { Trained, Verification } from './verify.ts';

/** One thing that was written, and how it compares. */
export interface Artefact {
  readonly target: ExportTarget;
  /** Where it is, in the output. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Undefined for what holds no weights of its own. */
  readonly verdict: Verification | undefined;
  /** What a reader should know: which types a file mixes, what a consumer does otherwise. */
  readonly notes: readonly string[];
}

export interface ExportOptions {
  /** Rows to verify on; undefined: conversations of our own. */
  readonly data: readonly DataSource[] | undefined;
  readonly samples: number;
  readonly threads?: number | undefined;
  /** Memory that may be taken; default: what is free on this machine. */
  readonly availableBytes?: (() => number) | undefined;
  readonly signal?: AbortSignal;
  /** What is done now: `gguf Q8_0: write`. */
  readonly onStage?: (stage: string) => void;
}

interface Job extends ExportOptions {
  readonly source: ExportSource;
  readonly specification: ExportSpecification;
  readonly model: MergedModel;
  readonly trained: Trained;
}

/**
 * Writes a trained model in every form that the specification names, reads each again, and compares its log-probabilities, ids and rendered conversations with
 * the trained model's. The output is there whole and verified, or not at all. Throws bad-input with all that cannot be, run-failed when a comparison or
 * the disk fails, cancelled.
 *
 * @example
 * ```ts
 * import { exportModel, openExportSource } from 'preftune/export';
 *
 * const source = await openExportSource({ source: 'run', resolve: async (named) => named });
 * const specification = {
 *   targets: ['gguf'],
 *   output: 'exported',
 *   dtype: undefined,
 *   ggufTypes: ['Q8_0'],
 *   onnxTypes: [],
 *   maxShardBytes: 5e9,
 *   overwrite: false,
 * } as const;
 * for (const { path, verdict } of await exportModel(source, specification, { data: undefined, samples: 8 })) {
 *   console.log(path, verdict);
 * }
 * ```
 */
export async function exportModel(
  source: ExportSource,
  specification: ExportSpecification,
  options: ExportOptions,
): Promise<Artefact[]> {
  const model = mergedModel(source.opened, source.adapter);
  checkSpecification(specification, source, model);
  if (specification.targets.includes('hf') || specification.targets.includes('onnx')) requireTransformersConfig(model);
  const { tokenizer, files } = source.opened;
  const samples = await sampleSet(tokenizer, { data: options.data, count: options.samples });
  options.onStage?.('the trained model: score');
  const { threads, availableBytes } = options;
  const logps = await sampleLogps(sourceOf(source), samples.samples, { threads, availableBytes });
  const trained: Trained = { logps, tokenizer, files: files.tokenizer, samples, threads, availableBytes };
  const job: Job = { ...options, source, specification, model, trained };
  return isSingleFile(specification) ? publishFile(job) : publishFolder(job);
}

/** A target's folder where there are several: ollama's files stand with gguf's where both are wanted. */
function foldersOf({ targets }: ExportSpecification): Map<string, ExportTarget[]> {
  const folders = new Map<string, ExportTarget[]>();
  for (const target of targets) {
    const folder = target === 'ollama' && targets.includes('gguf') ? 'gguf' : target;
    folders.set(folder, [...(folders.get(folder) ?? []), target]);
  }
  return folders;
}

async function publishFolder(job: Job): Promise<Artefact[]> {
  const { output, overwrite } = job.specification;
  const artefacts: Artefact[] = [];
  const folders = foldersOf(job.specification);
  const fill = async (stage: string): Promise<string | undefined> => {
    for (const [folder, targets] of folders) {
      const path = join(stage, folder);
      const shown = folders.size === 1 ? output : join(output, folder);
      const written = await writeTargets(path, targets, job).catch((thrown: unknown) => {
        throw atItsPlace(thrown, path, shown);
      });
      artefacts.push(...written.map((one) => ({ ...one, path: join(shown, one.path) })));
    }
    return folders.size === 1 ? join(stage, [...folders.keys()][0]!) : undefined;
  };
  await writeFolderAtomic(output, fill, { overwrite });
  return artefacts;
}

/** An error about a file that is still beside its place, as one about the place that the user named. */
function atItsPlace(thrown: unknown, stage: string, shown: string): unknown {
  if (!(thrown instanceof PreftuneError)) return thrown;
  const problems = thrown.problems.map((problem) =>
    problem.file?.startsWith(stage) === true
      ? { ...problem, file: `${shown}${problem.file.slice(stage.length)}` }
      : problem,
  );
  return new PreftuneError(thrown.code, problems, { cause: thrown.cause });
}

/** One GGUF file: written into a hidden folder beside its place, verified there, renamed. */
async function publishFile(job: Job): Promise<Artefact[]> {
  const { output, targets } = job.specification;
  const artefacts: Artefact[] = [];
  const fill = async (stage: string): Promise<string> => {
    const [written] = await writeTargets(stage, targets, job).catch((thrown: unknown) => {
      throw atItsPlace(thrown, stage, dirname(output));
    });
    artefacts.push({ ...written!, path: output });
    return join(stage, written!.path);
  };
  await writeFolderAtomic(output, fill, { overwrite: true });
  return artefacts;
}

function throwIfStopped({ signal }: Job): void {
  if (signal?.aborted === true) throw new PreftuneError('cancelled', 'export: stopped; nothing was written');
}

/** Everything that goes into one folder. Paths are relative to it. */
async function writeTargets(folder: string, targets: readonly ExportTarget[], job: Job): Promise<Artefact[]> {
  const isGguf = targets.some((target) => target === 'gguf' || target === 'ollama');
  const [target] = targets as [ExportTarget];
  throwIfStopped(job);
  if (isGguf) return writeGgufFiles(folder, targets, job);
  switch (target) {
    case 'hf':
      return [await writeHfFolder(folder, job)];
    case 'peft':
      return [await writePeftFolder(folder, job)];
    case 'onnx':
      return writeOnnxFolder(folder, job);
    default:
      return [await writeLoraFile(folder, job)];
  }
}

async function writeHfFolder(folder: string, job: Job): Promise<Artefact> {
  const { source, model, specification, trained } = job;
  const type = specification.dtype ?? naturalType(source);
  job.onStage?.(`hf ${type}: write`);
  await writeHuggingFace(folder, { source, model, type, maxShardBytes: specification.maxShardBytes });
  throwIfStopped(job);
  job.onStage?.(`hf ${type}: verify`);
  const verdict = await verifyHuggingFace(folder, trained, type);
  const content = `The whole model in ${type}, for Transformers and everything that reads its folders. ${verdictText(verdict)}`;
  await writeFile(
    join(folder, 'README.md'),
    modelCard({ source, content, library: 'transformers', base: source.base.name, limits: [] }),
  );
  return { target: 'hf', path: '', sizeBytes: sizeOnDisk(folder), verdict, notes: [] };
}

async function writePeftFolder(folder: string, job: Job): Promise<Artefact> {
  const { source, trained } = job;
  job.onStage?.('peft: write');
  await writePeft(folder, { source, adapter: source.adapter! });
  job.onStage?.('peft: verify');
  const verdict = await verifyPeft(folder, source, trained);
  // Nobody else has the path of this computer.
  const where = source.base.isHub
    ? ''
    : 'adapter_config.json names it by a path of the computer that it was trained on: elsewhere, write its hub id or its path there into base_model_name_or_path. ';
  const content = `A LoRA adapter for PEFT; it needs its base model. ${where}${verdictText(verdict)}`;
  await writeFile(
    join(folder, 'README.md'),
    modelCard({ source, content, library: 'peft', base: source.base.name, limits: [] }),
  );
  return { target: 'peft', path: '', sizeBytes: sizeOnDisk(folder), verdict, notes: [] };
}

async function writeGgufFiles(folder: string, targets: readonly ExportTarget[], job: Job): Promise<Artefact[]> {
  const { source, model, specification, trained } = job;
  await mkdir(folder, { recursive: true });
  const artefacts: Artefact[] = [];
  for (const fileType of specification.ggufTypes) {
    throwIfStopped(job);
    const name = `${source.name}-${fileType}.gguf`;
    const path = join(folder, name);
    job.onStage?.(`gguf ${fileType}: write`);
    const notes = await writeGgufModel(path, { source, model, samples: trained.samples, fileType });
    job.onStage?.(`gguf ${fileType}: verify`);
    const verdict = await verifyGgufModel(path, trained, fileType);
    artefacts.push({ target: 'gguf', path: name, sizeBytes: sizeOnDisk(path), verdict, notes });
  }
  if (targets.includes('ollama')) {
    const modelfile = modelfileOf(source.opened.tokenizer, artefacts.at(-1)!.path, source.asked);
    await writeFile(join(folder, 'Modelfile'), modelfile.text);
    const note =
      modelfile.template === undefined
        ? 'no TEMPLATE: Ollama reads the one in the GGUF file'
        : `TEMPLATE: ${modelfile.template}`;
    artefacts.push({
      target: 'ollama',
      path: 'Modelfile',
      sizeBytes: sizeOnDisk(join(folder, 'Modelfile')),
      verdict: undefined,
      notes: [note],
    });
  }
  if (isSingleFile(specification)) return artefacts;
  const content = `GGUF files for llama.cpp and what is built on it, with tokenizer and chat template inside.\n\n${artefacts
    .flatMap(({ path, verdict, notes }) =>
      verdict === undefined ? [] : [`- \`${path}\` (${notes[0]}). ${verdictText(verdict)}`],
    )
    .join('\n')}`;
  const limits = artefacts[0]!.notes.slice(1);
  await writeFile(
    join(folder, 'README.md'),
    modelCard({ source, content, library: 'gguf', base: source.base.name, limits }),
  );
  return artefacts;
}

async function writeLoraFile(folder: string, job: Job): Promise<Artefact> {
  const { source, trained } = job;
  await mkdir(folder, { recursive: true });
  const name = `${source.name}-lora.gguf`;
  job.onStage?.('gguf-lora: write');
  await writeGgufLora(join(folder, name), source, source.adapter!);
  job.onStage?.('gguf-lora: verify');
  const verdict = await verifyGgufLora(join(folder, name), source, trained);
  return { target: 'gguf-lora', path: name, sizeBytes: sizeOnDisk(join(folder, name)), verdict, notes: [] };
}

function sizeOfModel(folder: string, type: OnnxType): number {
  const path = join(folder, onnxFileName(type));
  return sizeOnDisk(path) + sizeOnDisk(`${path}_data`);
}

async function writeOnnxFolder(folder: string, job: Job): Promise<Artefact[]> {
  const { source, model, specification, trained } = job;
  const types = specification.onnxTypes;
  await mkdir(folder, { recursive: true });
  await writeOnnxCompanions(folder, { source, model, types });
  const artefacts: Artefact[] = [];
  for (const type of types) {
    throwIfStopped(job);
    job.onStage?.(`onnx ${type}: write`);
    await writeOnnxModel(folder, { model, type });
    job.onStage?.(`onnx ${type}: verify`);
    const verdict = await verifyOnnx(folder, { trained, config: model.config, type });
    artefacts.push({
      target: 'onnx',
      path: onnxFileName(type),
      sizeBytes: sizeOfModel(folder, type),
      verdict,
      notes: [type],
    });
  }
  const { config } = model;
  const limit = positionLimit(config);
  const limits =
    limit < config.maxPositions || config.rope.positionLimit <= config.maxPositions
      ? [`the rope is that of texts up to ${limit} tokens; longer ones are turned otherwise by the model itself`]
      : [];
  const content = `A decoder with key/value cache for transformers.js.\n\n${artefacts.map(({ verdict, notes }) => `- ${notes[0]}: ${verdictText(verdict!)}`).join('\n')}`;
  await writeFile(
    join(folder, 'README.md'),
    modelCard({ source, content, library: 'transformers.js', base: source.base.name, limits }),
  );
  return artefacts;
}

/** The comparison in a sentence. */
export function verdictText(verdict: Verification): string {
  const { tokens, mean, largest, tolerance } = verdict;
  return `Log-probabilities of ${tokens} tokens of sample conversations are ${mean.toPrecision(2)} nats from the trained model's on average (allowed ${tolerance}), ${largest.toPrecision(2)} at most: ${qualityText(verdict)}.`;
}
