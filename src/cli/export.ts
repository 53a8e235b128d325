import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Problem, JsonObject } from '../core/index.ts';
import {
  EXPORT_TARGETS,
  exportModel,
  GGUF_FILE_TYPES,
  ONNX_TYPES,
  openExportSource,
  pushFolder,
  qualityOf,
  qualityText,
  TARGET_HELP,
  type Artefact,
  type ExportSpecification,
  type GgufFileType,
} from '../export/index.ts';
import { requireWritable } from '../files/index.ts';
import { changed, grouped, option } from '../options/index.ts';
import { ADAPTER, MACHINE_SHAPE, OVERWRITE } from './common-options.ts';
import { defineCommand, type CommandContext, type CommandUsage } from './frame/command.ts';
import { requireModels } from './require-models.ts';
import { readHubSettings, locateData, locateModel } from '../hub/index.ts';

const DTYPES = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' } as const;
const FILE_TYPES = Object.keys(GGUF_FILE_TYPES) as [GgufFileType, ...GgufFileType[]];
const NAMES = Object.keys(DTYPES) as [keyof typeof DTYPES, ...(keyof typeof DTYPES)[]];

const count = z.int().min(1);
const text = z.string().min(1);

const OPTIONS = z.strictObject({
  model: option(text.optional(), {
    help: "folder, .gguf file or hub id; beside RUN: where the run's base is now",
    alias: '-m',
    isCommon: true,
  }),
  adapter: changed(ADAPTER, { help: 'PEFT adapter folder to put into the model' }),
  to: option(z.array(z.enum(EXPORT_TARGETS)).min(1), {
    help: EXPORT_TARGETS.map((target) => `${target}: ${TARGET_HELP[target]}`).join('; '),
  }),
  output: option(text, {
    help: 'folder; with several targets one folder in it each; for one GGUF also a .gguf file',
    alias: '-o',
  }),
  overwrite: changed(OVERWRITE, { help: 'replace what is there' }),
  baseName: option(text.optional(), {
    help: 'hub id or path by which others find the base, in adapters and cards',
    usually: 'what the run or the GGUF file says',
  }),
  name: option(text.optional(), { help: 'in file names and cards', usually: "the run's or model's" }),
  ...grouped('Types', {
    dtype: option(z.enum(NAMES).optional(), {
      help: 'of --to hf',
      usually: 'as the base is stored, float16 where that is quantised',
      onlyWith: { option: 'to', values: ['hf'] },
    }),
    ggufType: option(z.array(z.enum(FILE_TYPES)).min(1).default(['Q8_0']), {
      help: 'of --to gguf and ollama',
      onlyWith: { option: 'to', values: ['gguf', 'ollama'] },
    }),
    onnxType: option(z.array(z.enum(ONNX_TYPES)).min(1).default(['fp32']), {
      help: 'of --to onnx',
      onlyWith: { option: 'to', values: ['onnx'] },
    }),
    maxShardMb: option(count.default(5000), {
      help: 'safetensors files are at most this large',
      onlyWith: { option: 'to', values: ['hf'] },
    }),
  }),
  ...grouped('Hub', {
    push: option(text.optional(), {
      help: 'model repository of the hub, owner/name: created where it is missing; needs one target',
    }),
    private: option(z.boolean().default(false), {
      help: 'a repository that --push creates is private',
      onlyWith: { option: 'push' },
    }),
  }),
  ...grouped('Verification', {
    data: option(text.optional(), {
      help: 'rows whose log-probabilities are compared',
      usually: 'conversations that come with preftune',
    }),
    samples: option(count.default(8), { help: 'rows of --data', onlyWith: { option: 'data' } }),
    threads: changed(MACHINE_SHAPE.threads, { help: 'threads of the comparison' }),
  }),
});
type ExportOptions = z.output<typeof OPTIONS>;

/** `preftune export`: a trained model in the forms that others read, each compared with the trained model before it counts. */
export const EXPORT = defineCommand({
  name: 'export',
  hasEvents: true,
  description: 'Hands a trained model over: Hugging Face, PEFT, GGUF, ONNX, Ollama; verified',
  arguments: [{ name: 'RUN', help: 'a run, RUN@step-N, RUN@best, or a model by another name' }],
  examples: [
    { does: 'one file for llama.cpp, LM Studio and others', words: 'run --to gguf --gguf-type Q8_0 --output exported' },
    { does: 'the whole model, and the adapter alone', words: 'run --to hf,peft --output exported-hf' },
  ],
  options: OPTIONS,
  check: usageProblems,
  async run(options, context) {
    const { terminal, args, signal } = context;
    const { data, model, adapter, samples, threads, push } = options;
    const specification = specificationOf(options);
    requireWritable(dirname(resolve(specification.output)));
    // Beside RUN a model says where its base is now.
    requireModels([model === undefined ? { model: args[0] } : { model, adapter }], context);
    const sources = data === undefined ? undefined : await locateData([data], context);
    const loading = terminal.activity(`opening ${args[0] ?? model!}`);
    const source = await openExportSource({
      source: args[0],
      model,
      adapter,
      name: options.name,
      baseName: options.baseName,
      resolve: async (named) => (await locateModel(named, context)).path,
    });
    loading.finish();
    for (const note of source.opened.notes ?? []) terminal.note(note);
    try {
      const artefacts = await exportModel(source, specification, {
        data: sources,
        samples,
        threads,
        signal,
        onStage: (stage) => {
          terminal.note(stage);
          terminal.activity(stage, { isTold: true });
        },
      });
      terminal.close();
      for (const artefact of artefacts) terminal.result(recordOf(artefact), lineOf(artefact));
      if (push !== undefined)
        await pushOutput(context, {
          folder: specification.output,
          repo: push,
          name: source.name,
          isPrivate: options.private,
        });
    } finally {
      await source.close();
    }
  },
});

/** Sends the verified folder to the hub. */
async function pushOutput(
  { terminal, environment, signal }: CommandContext,
  { folder, repo, name, isPrivate }: { folder: string; repo: string; name: string; isPrivate: boolean },
): Promise<void> {
  const { endpoint, token } = readHubSettings(environment);
  const progress = terminal.progress(`push ${repo}`);
  const pushed = await pushFolder({
    folder,
    repo,
    endpoint,
    // The check of the options has seen to it that there is one.
    token: token!,
    signal,
    title: `${name}, exported by preftune`,
    ...(isPrivate ? { isPrivate } : {}),
    onProgress: ({ file, doneBytes, totalBytes }) =>
      progress.update({ done: doneBytes, total: totalBytes, unit: 'bytes', figures: [{ label: '', text: file }] }),
  }).finally(() => progress.finish());
  const { url, commit, uploaded, present } = pushed;
  const sent =
    commit === undefined ? 'everything was there' : `${uploaded.length} files sent, ${present.length} were there`;
  terminal.result(
    { url, commit: commit ?? null, uploaded: [...uploaded], present: [...present] },
    `pushed  ${url}  ${sent}`,
  );
}

/** What the combination of options rules out, all of it. */
function usageProblems(options: ExportOptions, { args, environment }: CommandUsage<typeof OPTIONS>): Problem[] {
  const problems: Problem[] = [];
  const fail = (path: keyof ExportOptions, message: string): void => void problems.push({ path, message });
  const { to, model, adapter, push, output, ggufType } = options;
  if (args.length === 0 && model === undefined) fail('model', 'a RUN or --model must be given, got neither');
  if (args.length > 0 && adapter !== undefined)
    fail('adapter', '--adapter has no effect with RUN, which has its own; leave one out');
  if (push !== undefined) {
    const folders = new Set(to.map((target) => (target === 'ollama' ? 'gguf' : target)));
    if (folders.size > 1 || /\.gguf$/i.test(output))
      fail(
        'push',
        `--push needs an output that is one folder, got ${to.join(', ')} in ${output}; push one target at a time`,
      );
    if (readHubSettings(environment).token === undefined)
      fail('push', '--push needs a token of the hub that may write, got none; run `hf auth login` or set HF_TOKEN');
  }
  if (to.includes('ollama') && distinct(ggufType).length > 1)
    fail(
      'ggufType',
      `--gguf-type must be one type with --to ollama, whose Modelfile names one file, got ${distinct(ggufType).join(', ')}`,
    );
  return problems;
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** What the options ask for. */
function specificationOf({ to, output, dtype, ggufType, onnxType, ...rest }: ExportOptions): ExportSpecification {
  return {
    targets: distinct(to),
    output,
    dtype: dtype === undefined ? undefined : DTYPES[dtype],
    ggufTypes: distinct(ggufType),
    onnxTypes: distinct(onnxType),
    maxShardBytes: rest.maxShardMb * 1e6,
    overwrite: rest.overwrite,
  };
}

function recordOf({ target, path, sizeBytes, verdict, notes }: Artefact): JsonObject {
  const figures = verdict === undefined ? {} : { ...verdict, quality: qualityOf(verdict) };
  return { target, path, sizeBytes, ...figures, notes: [...notes] };
}

function lineOf({ target, path, sizeBytes, verdict, notes }: Artefact): string {
  const size = sizeBytes < 1e6 ? `${(sizeBytes / 1e3).toFixed(1)} kB` : `${(sizeBytes / 1e6).toFixed(1)} MB`;
  const said = notes.map((note) => `\n  ${note}`).join('');
  if (verdict === undefined) return `${target}  ${path}  ${size}${said}`;
  const { tokens, mean, largest, tolerance, format } = verdict;
  return (
    `${target}  ${path}  ${size}  ${format}${said}\n  verified on ${tokens} tokens: ${mean.toPrecision(2)} nats a token from the trained model ` +
    `(allowed ${tolerance}), at most ${largest.toPrecision(2)}: ${qualityText(verdict)}`
  );
}
