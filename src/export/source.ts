import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, extname, join, resolve as absolute } from 'node:path';
import { badInput } from '../core/index.ts';
import { METRICS_FILE, readMetrics, readRunFile, type MetricRecord, type RunRecord } from '../store/index.ts';
import { parseHubId, takeApart } from '../hub/index.ts';
import {
  baseNameOf,
  openNamedModel,
  parseModelAndAdapter,
  parseModelName,
  runOfAdapter,
  startOfRun,
  trainedAsking,
  wasHere,
  type Asking,
  type BaseName,
  type ModelName,
  type OpenedModel,
  type ReadAdapter,
  type ResolveModel,
} from '../policy/index.ts';

/** A trained model: what every export starts from. */
export interface ExportSource {
  /** For file names, metadata and the model card. */
  readonly name: string;
  readonly opened: OpenedModel;
  readonly adapter: ReadAdapter | undefined;
  readonly run: ExportedRun | undefined;
  /** How others find the model that it was made from. */
  readonly base: BaseName;
  /** How it was trained to be asked, where it says so. */
  readonly asked: Asking | undefined;
  close(): Promise<void>;
}

/** The run that made it, as its folder tells. */
export interface ExportedRun {
  readonly path: string;
  readonly record: RunRecord;
  readonly metrics: readonly MetricRecord[];
  /** The step whose model is exported: of a checkpoint, or of what the run left; undefined where run.json does not say it. */
  readonly step: number | undefined;
}

/** What is exported, by any of its names; see ModelName. */
export interface SourceOptions {
  /** RUN, RUN@step-N, MODEL+ADAPTER, ...; a run's is found where the run found it, unless `model` says where it is now. */
  readonly source?: string | undefined;
  readonly model?: string | undefined;
  readonly adapter?: string | undefined;
  readonly name?: string | undefined;
  /** How others find the model that it was made from: a hub id, or a path. Default: what the run, the hub's cache or the GGUF file says. */
  readonly baseName?: string | undefined;
  /** Turns what the user named into a path on this computer. */
  readonly resolve: ResolveModel;
}

/**
 * Opens what is exported. Throws bad-input with all problems: a run that has not ended, a base that is gone or is not the one that the
 * run was trained on, weights or an adapter that do not fit.
 */
export async function openExportSource(options: SourceOptions): Promise<ExportSource> {
  const parsed = nameOf(options);
  const run = parsed.run === undefined ? undefined : readRun(parsed.run, stepOf(parsed));
  const { opened, adapter, close } = await openNamedModel(parsed, { resolve: options.resolve });
  const name = options.name ?? plainName(options.source ?? options.adapter ?? parsed.model);
  const base = baseOf(parsed, { opened, given: options.baseName });
  return { name, opened, adapter, run, base, asked: trainedAsking(parsed, opened)?.asked, close };
}

function baseOf(
  { model, adapter, run }: ModelName,
  { opened, given }: { readonly opened: OpenedModel; readonly given: string | undefined },
): BaseName {
  if (given !== undefined) {
    const { id, revision } = takeApart(given);
    const isHub = !existsSync(given) && parseHubId(id) !== undefined;
    return { name: isHub ? id : given, isHub, ...(isHub && revision !== undefined && { revision }) };
  }
  const files = opened.files;
  if (run === undefined) return baseNameOf(model, files);
  const { model: named } = readRunFile(run).specification;
  // What a run that trained every weight left is another model than that it began from.
  const below = adapter === undefined ? { location: startOfRun(run).model } : files;
  return baseNameOf(typeof named === 'string' ? named : model, below, wasHere(run) || existsSync(String(named)));
}

function nameOf({ source, model, adapter }: SourceOptions): ModelName {
  if (source !== undefined && model !== undefined) {
    const moved = parseModelAndAdapter({ model, adapter: source });
    const run = runOfAdapter(moved.adapter!);
    // It must still be the model that the run was trained on.
    return run === undefined ? moved : { ...moved, run };
  }
  if (source !== undefined) return parseModelName(source);
  if (model === undefined) throw badInput('export: a RUN or --model must be given, got neither');
  return parseModelAndAdapter({ model, adapter });
}

function readRun(path: string, step: number | undefined): ExportedRun {
  const metrics = join(path, METRICS_FILE);
  const record = readRunFile(path);
  return {
    path,
    record,
    metrics: existsSync(metrics) ? readMetrics(metrics) : [],
    step: step ?? record.outcome?.artefact.step,
  };
}

/** The step of a checkpoint that is named. */
function stepOf({ checkpoint, adapter }: ModelName): number | undefined {
  return checkpoint?.step ?? (adapter?.kind === 'checkpoint' ? adapter.checkpoint.step : undefined);
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
