import { existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { badInput, badUsage, elementCount, runFailed, type Problem } from '../core/index.ts';
import { bytesOfType, type SafetensorsType } from '../formats/index.ts';
import { parameterSpecs } from '../models/index.ts';
import { loraProblems } from './gguf/gguf-lora.ts';
import { tensorType, type GgufFileType } from './gguf/gguf-tensors.ts';
import type { MergedModel } from './merged-model.ts';
import { ONNX_BYTES_PER_WEIGHT, type OnnxType } from './onnx/onnx-types.ts';
import type { ExportSource } from './source.ts';
import type { ExportTarget } from './targets.ts';

export interface ExportSpecification {
  readonly targets: readonly ExportTarget[];
  /** A folder; for one GGUF file also a path that ends in .gguf. */
  readonly output: string;
  /** Of the Hugging Face folder; undefined: as the base is stored, F16 where that is quantised. */
  readonly dtype: SafetensorsType | undefined;
  readonly ggufTypes: readonly GgufFileType[];
  readonly onnxTypes: readonly OnnxType[];
  readonly maxShardBytes: number;
  readonly overwrite: boolean;
}

/** Whether the output is one file rather than a folder. */
export function isSingleFile({ targets, output }: ExportSpecification): boolean {
  return extname(output).toLowerCase() === '.gguf' && targets.length === 1;
}

/** Throws, before anything is computed, with everything that cannot be: targets without an adapter, an output that is there, a full disk. */
export function checkSpecification(specification: ExportSpecification, source: ExportSource, model: MergedModel): void {
  const { targets, output, ggufTypes } = specification;
  const problems: Problem[] = [];
  const isFile = extname(output).toLowerCase() === '.gguf';
  if (
    isFile &&
    (targets.length !== 1 ||
      !['gguf', 'gguf-lora'].includes(targets[0]!) ||
      (targets[0] === 'gguf' && ggufTypes.length !== 1))
  )
    throw badUsage(
      `export: --output must be a folder for ${targets.join(', ')} in ${ggufTypes.length} types, got the file ${output}`,
    );
  for (const target of ['peft', 'gguf-lora'] as const) {
    if (targets.includes(target) && source.adapter === undefined)
      problems.push({
        message: `export: --to ${target} needs an adapter, the model has none; every weight was trained, use --to hf or gguf`,
      });
  }
  if (targets.includes('gguf-lora') && source.adapter !== undefined)
    problems.push(...loraProblems(source.adapter, source.opened.config));
  problems.push(...outputProblems(specification));
  if (problems.length > 0) throw badInput(problems);
  requireRoom(specification, model);
}

function outputProblems({ output, overwrite }: ExportSpecification): Problem[] {
  const isFile = extname(output).toLowerCase() === '.gguf';
  if (!existsSync(output)) return [];
  const isFolder = statSync(output).isDirectory();
  const fail = (message: string): Problem[] => [{ file: output, message: `export: ${message}` }];
  if (isFile && isFolder) return fail('--output must be a file, got a folder; name another');
  if (!isFile && !isFolder) return fail('--output must be a folder, got a file; name another');
  if (overwrite) return [];
  if (isFile) return fail('--output must be new, got a file that exists; name another or pass --overwrite');
  const [first] = readdirSync(output);
  return first === undefined
    ? []
    : fail(`--output must be new or empty, got a folder that holds ${first}; name another or pass --overwrite`);
}

/** Bytes that the weights of all targets take, to the nearest per cent. */
export function estimatedBytes(
  { targets, dtype, ggufTypes, onnxTypes }: ExportSpecification,
  { config }: MergedModel,
): number {
  const specs = parameterSpecs(config);
  const weights = specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const gguf = ggufTypes.reduce(
    (sum, type) =>
      sum + specs.reduce((all, spec) => all + bytesOfType(tensorType(spec, type, config), elementCount(spec.shape)), 0),
    0,
  );
  const isGguf = targets.includes('gguf') || targets.includes('ollama');
  return (
    (targets.includes('hf') ? weights * (dtype === 'F32' ? 4 : 2) : 0) +
    (isGguf ? gguf : 0) +
    (targets.includes('onnx') ? onnxTypes.reduce((sum, type) => sum + weights * ONNX_BYTES_PER_WEIGHT[type], 0) : 0)
  );
}

function requireRoom(specification: ExportSpecification, model: MergedModel): void {
  let folder = dirname(resolve(specification.output));
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const [needed, free] = [estimatedBytes(specification, model), bavail * bsize];
  if (needed <= free) return;
  throw runFailed({
    file: specification.output,
    message: `export: the disk must have ${Math.ceil(needed / 2 ** 20)} MB free, got ${Math.floor(free / 2 ** 20)} MB; free some space, or export fewer types at a time`,
  });
}
