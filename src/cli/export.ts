import { badUsage, type Problem, type JsonObject } from '../core/index.ts';
import {
  EXPORT_TARGETS,
  exportModel,
  GGUF_FILE_TYPES,
  ONNX_TYPES,
  openExportSource,
  pushFolder,
  TARGET_HELP,
  type Artefact,
  type ExportSpecification,
  type ExportTarget,
  type GgufFileType,
  type OnnxType,
} from '../export/index.ts';
import type { Command, CommandContext, OptionEntry } from './frame/command.ts';
import { readHubSettings, locateData, locateModel } from '../hub/index.ts';

const DTYPES = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' } as const;
const FILE_TYPES = Object.keys(GGUF_FILE_TYPES) as GgufFileType[];

const OPTIONS: readonly OptionEntry[] = [
  {
    flag: '--model',
    alias: '-m',
    type: 'string',
    help: "folder, .gguf file or hub id; beside RUN: where the run's base is now",
  },
  { flag: '--adapter', type: 'string', help: 'PEFT adapter folder to put into the model' },
  {
    flag: '--to',
    type: 'list',
    isRequired: true,
    help: EXPORT_TARGETS.map((target) => `${target} (${TARGET_HELP[target]})`).join(', '),
  },
  {
    flag: '--output',
    alias: '-o',
    type: 'string',
    isRequired: true,
    help: 'folder; with several targets one folder in it each; for one GGUF also a .gguf file',
  },
  { flag: '--overwrite', type: 'boolean', help: 'replace what is there' },
  { flag: '--name', type: 'string', help: "in file names and cards; default: the run's or model's" },
  {
    flag: '--dtype',
    type: ['float32', 'float16', 'bfloat16'],
    help: 'of --to hf; default: as the base is stored, float16 where that is quantised',
    group: 'Types:',
  },
  {
    flag: '--gguf-type',
    type: 'list',
    default: ['Q8_0'],
    help: `of --to gguf and ollama: ${FILE_TYPES.join(', ')}`,
    group: 'Types:',
  },
  {
    flag: '--onnx-type',
    type: 'list',
    default: ['fp32'],
    help: `of --to onnx: ${ONNX_TYPES.join(', ')}`,
    group: 'Types:',
  },
  {
    flag: '--max-shard-mb',
    type: 'integer',
    default: 5000,
    help: 'safetensors files are at most this large',
    group: 'Types:',
  },
  {
    flag: '--push',
    type: 'string',
    help: 'model repository of the hub, owner/name: created where it is missing; needs one target',
    group: 'Hub:',
  },
  { flag: '--private', type: 'boolean', help: 'a repository that --push creates is private', group: 'Hub:' },
  {
    flag: '--data',
    type: 'string',
    help: 'rows whose log-probabilities are compared; default: conversations that come with preftune',
    group: 'Verification:',
  },
  { flag: '--samples', type: 'integer', default: 8, help: 'rows of --data', group: 'Verification:' },
  {
    flag: '--threads',
    type: 'integer',
    help: "of the comparison; default: the machine's cores",
    group: 'Verification:',
  },
];

/** `preftune export`: a trained model in the forms that others read, each compared with the trained model before it counts. */
export const EXPORT: Command = {
  name: 'export',
  description: 'Hands a trained model over: Hugging Face, PEFT, GGUF, ONNX, Ollama; verified',
  arguments: [{ name: 'RUN', help: 'folder of a run that has ended' }],
  options: OPTIONS,
  async run(context) {
    const { options, terminal, args, signal } = context;
    const specification = specificationOf(context);
    const text = (name: string): string | undefined => options[name] as string | undefined;
    const data = text('data');
    const sources = data === undefined ? undefined : await locateData([data], context);
    const source = await openExportSource({
      run: args[0],
      model: text('model'),
      adapter: text('adapter'),
      name: text('name'),
      resolve: async (model) => (await locateModel(model, context)).path,
    });
    try {
      const artefacts = await exportModel(source, specification, {
        data: sources,
        samples: options['samples'] as number,
        threads: options['threads'] as number | undefined,
        signal,
        onStage: (stage) => terminal.note(stage),
      });
      for (const artefact of artefacts) terminal.result(recordOf(artefact), lineOf(artefact));
      const push = text('push');
      if (push !== undefined)
        await pushOutput(context, { folder: specification.output, repo: push, name: source.name });
    } finally {
      await source.close();
    }
  },
};

/** Sends the verified folder to the hub. */
async function pushOutput(
  { terminal, options, environment, signal }: CommandContext,
  { folder, repo, name }: { readonly folder: string; readonly repo: string; readonly name: string },
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
    ...(options['private'] === true ? { isPrivate: true } : {}),
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

/** What the options ask for. Throws bad-usage with all that cannot be. */
function specificationOf({ options, given, args, environment }: CommandContext): ExportSpecification {
  const problems: Problem[] = [];
  const fail = (path: string, message: string): void => void problems.push({ path, message: `export: ${message}` });
  const choices = <T extends string>(path: string, flag: string, allowed: readonly T[]): T[] => {
    const chosen = [...new Set(options[path] as string[])];
    for (const one of chosen)
      if (!(allowed as readonly string[]).includes(one))
        fail(path, `${flag} must be among ${allowed.join(', ')}, got ${JSON.stringify(one)}`);
    if (chosen.length === 0) fail(path, `${flag} must name at least one of ${allowed.join(', ')}, got none`);
    return chosen as T[];
  };
  const targets = choices<ExportTarget>('to', '--to', EXPORT_TARGETS);
  const ggufTypes = choices<GgufFileType>('ggufType', '--gguf-type', FILE_TYPES);
  const onnxTypes = choices<OnnxType>('onnxType', '--onnx-type', ONNX_TYPES);
  if (args.length === 0 && options['model'] === undefined) fail('model', 'a RUN or --model must be given, got neither');
  if (args.length > 0 && options['adapter'] !== undefined)
    fail('adapter', '--adapter has no effect with RUN, which has its own; leave one out');
  const needs: readonly (readonly [path: string, flag: string, targets: readonly ExportTarget[]])[] = [
    ['dtype', '--dtype', ['hf']],
    ['ggufType', '--gguf-type', ['gguf', 'ollama']],
    ['onnxType', '--onnx-type', ['onnx']],
    ['maxShardMb', '--max-shard-mb', ['hf']],
  ];
  for (const [path, flag, wanted] of needs)
    if (given[path] !== undefined && !wanted.some((target) => targets.includes(target)))
      fail(path, `${flag} has no effect without --to ${wanted.join(' or ')}; leave it out`);
  if (given['samples'] !== undefined && options['data'] === undefined)
    fail('samples', '--samples has no effect without --data; leave it out');
  if (options['push'] !== undefined) {
    const folders = new Set(targets.map((target) => (target === 'ollama' ? 'gguf' : target)));
    if (folders.size > 1 || /\.gguf$/i.test(options['output'] as string))
      fail(
        'push',
        `--push needs an output that is one folder, got ${targets.join(', ')} in ${String(options['output'])}; push one target at a time`,
      );
    if (readHubSettings(environment).token === undefined)
      fail('push', '--push needs a token of the hub that may write, got none; run `hf auth login` or set HF_TOKEN');
  } else if (options['private'] === true) fail('private', '--private has no effect without --push; leave it out');
  if (targets.includes('ollama') && ggufTypes.length > 1)
    fail(
      'ggufType',
      `--gguf-type must be one type with --to ollama, whose Modelfile names one file, got ${ggufTypes.join(', ')}`,
    );
  for (const [path, flag] of [
    ['samples', '--samples'],
    ['threads', '--threads'],
    ['maxShardMb', '--max-shard-mb'],
  ] as const) {
    const value = options[path];
    if (typeof value === 'number' && value < 1) fail(path, `${flag} must be at least 1, got ${value}`);
  }
  if (problems.length > 0) throw badUsage(problems);
  const dtype = options['dtype'] as keyof typeof DTYPES | undefined;
  return {
    targets,
    output: options['output'] as string,
    dtype: dtype === undefined ? undefined : DTYPES[dtype],
    ggufTypes,
    onnxTypes,
    maxShardBytes: (options['maxShardMb'] as number) * 1e6,
    overwrite: options['overwrite'] === true,
  };
}

function recordOf({ target, path, sizeBytes, verdict, notes }: Artefact): JsonObject {
  const figures = verdict === undefined ? {} : { ...verdict };
  return { target, path, sizeBytes, ...figures, notes: [...notes] };
}

function lineOf({ target, path, sizeBytes, verdict, notes }: Artefact): string {
  const size = sizeBytes < 1e6 ? `${(sizeBytes / 1e3).toFixed(1)} kB` : `${(sizeBytes / 1e6).toFixed(1)} MB`;
  const said = notes.map((note) => `\n  ${note}`).join('');
  if (verdict === undefined) return `${target}  ${path}  ${size}${said}`;
  const { tokens, mean, largest, tolerance, format } = verdict;
  return (
    `${target}  ${path}  ${size}  ${format}${said}\n  verified on ${tokens} tokens: ${mean.toPrecision(2)} nats a token from the trained model ` +
    `(allowed ${tolerance}), at most ${largest.toPrecision(2)}`
  );
}
