import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, extname, join, resolve as absolute } from 'node:path';
import { badInput, type Problem } from '../core/index.ts';
import { readMetrics, readRunFile, RUN_FILE, type MetricRecord, type RunRecord } from '../store/index.ts';
import { checkWeights, openModel, readAdapter, type OpenedModel, type ReadAdapter } from '../policy/index.ts';

/** A trained model: what every export starts from. */
export interface ExportSource {
  /** For file names, metadata and the model card. */
  readonly name: string;
  readonly opened: OpenedModel;
  readonly adapter: ReadAdapter | undefined;
  readonly run: ExportedRun | undefined;
  close(): Promise<void>;
}

/** The run that made it, as its folder tells. */
export interface ExportedRun {
  readonly path: string;
  readonly record: RunRecord;
  readonly metrics: readonly MetricRecord[];
}

/** A run, or a model with an adapter or without; `model` beside `run` says where the run's base stands now. */
export interface SourceOptions {
  readonly run?: string | undefined;
  readonly model?: string | undefined;
  readonly adapter?: string | undefined;
  readonly name?: string | undefined;
  /** Turns what the user named into a path on this computer. */
  readonly resolve: (model: string) => Promise<string>;
}

/**
 * Opens what is exported. Throws bad-input with all problems: a run that has not ended, a base that is gone or is not the one that the
 * run was trained on, weights or an adapter that do not fit.
 */
export async function openExportSource(options: SourceOptions): Promise<ExportSource> {
  const run = options.run === undefined ? undefined : readRun(options.run);
  const parts = partsOf(options, run);
  const opened = await openModel(await options.resolve(parts.model));
  try {
    const problems: Problem[] = checkWeights(opened.config, opened.files.checkpoint);
    if (problems.length > 0) throw badInput(problems.map((one) => ({ file: parts.model, ...one })));
    if (run !== undefined && parts.adapter !== undefined) await requireRunsBase(run, parts.model, opened);
    const adapter =
      parts.adapter === undefined
        ? undefined
        : await readAdapter(adapterFolder(parts.adapter), opened.config, opened.files.checkpoint);
    const name = options.name ?? plainName(options.run ?? parts.adapter ?? parts.model);
    return { name, opened, adapter, run, close: () => opened.files.close() };
  } catch (thrown) {
    await opened.files.close();
    throw thrown;
  }
}

function readRun(path: string): ExportedRun {
  if (!existsSync(path))
    throw badInput({ file: path, message: 'export: the run must exist, got nothing at this path' });
  if (!existsSync(join(path, RUN_FILE)))
    throw badInput({
      file: path,
      message: `export: a run must hold ${RUN_FILE}, got a folder without it; name a model with --model instead`,
    });
  const metrics = join(path, 'metrics.jsonl');
  return { path, record: readRunFile(path), metrics: existsSync(metrics) ? readMetrics(metrics) : [] };
}

/** Where model and adapter stand. */
function partsOf(
  { model, adapter }: SourceOptions,
  run: ExportedRun | undefined,
): { readonly model: string; readonly adapter: string | undefined } {
  if (run === undefined) {
    if (model === undefined) throw badInput('export: a RUN or --model must be given, got neither');
    return { model, adapter };
  }
  const specification = run.record.specification;
  const [ownAdapter, ownModel] = [join(run.path, 'adapter'), join(run.path, 'model')];
  if (existsSync(ownAdapter)) {
    const base = model ?? String(specification['model']);
    if (model === undefined && /^[./~]/.test(base) && !existsSync(base))
      throw badInput({
        file: base,
        message: `export: the base model that ${run.path} was trained on must exist, got nothing at its path; say where it is now with --model`,
      });
    return { model: base, adapter: ownAdapter };
  }
  if (existsSync(ownModel)) return { model: ownModel, adapter: undefined };
  throw badInput({
    file: run.path,
    message: 'export: the run must have ended with adapter/ or model/, got neither; finish it with --resume',
  });
}

/** An adapter on another base than its own is another model, and nothing would say so. */
async function requireRunsBase({ path, record }: ExportedRun, model: string, { files }: OpenedModel): Promise<void> {
  const known = (record.model ?? undefined) as { weights?: unknown } | undefined;
  if (typeof known?.weights !== 'string') return;
  if ((await files.checkpoint.fingerprint()) === known.weights) return;
  throw badInput({
    file: model,
    message: `export: the base must have the weights that ${path} was trained on (${known.weights.slice(0, 12)}), it has others; name the same file`,
  });
}

/** A run may be named where its adapter is meant. */
function adapterFolder(path: string): string {
  const own = join(path, 'adapter');
  return !existsSync(join(path, 'adapter_config.json')) && existsSync(own) ? own : path;
}

/** The last part of a path or hub id without what says its format: letters, digits, dots, dashes. */
function plainName(path: string): string {
  const whole = absolute(path);
  const last = basename(whole);
  const given = ['adapter', 'model', 'run'].includes(last) ? `${basename(join(whole, '..'))}-${last}` : last;
  const name = extname(given) === '.gguf' ? given.slice(0, -5) : given;
  return name.replaceAll(/[^\w.-]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '') || 'model';
}

/** Bytes of a file, or of everything in a folder. */
export function sizeOnDisk(path: string): number {
  const status = statSync(path);
  if (!status.isDirectory()) return status.size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOnDisk(join(path, name)), 0);
}
