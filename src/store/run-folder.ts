import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, messageOf, type Problem, type JsonObject, type JsonValue } from '../core/index.ts';
import type { BestEvaluation } from './best-metric.ts';
import { removeUnfinishedCheckpoints } from './checkpoints.ts';
import { compareJson, showValue, type Difference } from './compare.ts';
import {
  acquireLock,
  entriesOf,
  isLockEntry,
  isTemporary,
  lockOwner,
  removeDeadAttempts,
  removeRemains,
  removeWhole,
  requireWritable,
  writeFileAtomic,
  type Lock,
} from '../files/index.ts';
import { runDiskError } from './run-error.ts';

/** What run.json holds: everything that decides a run's result. The contents are the caller's. */
export interface RunRecord {
  /** The full resolved specification, every default written out. */
  readonly specification: JsonObject;
  /** preftune, Node, ONNX Runtime, ... Different ones on resume are reported, not refused. */
  readonly versions: JsonObject;
  /** The identity of the reference model, null where the recipe has none. */
  readonly reference: JsonValue;
  /** The fingerprint of the training and held-out rows. */
  readonly data: JsonValue;
  /** The identity of the weights and the tokenizer that the run starts from. */
  readonly model?: JsonValue;
  /** What was measured before the first step. Not compared on resume. */
  readonly measured?: JsonValue;
  /** Settings of the specification that were chosen by the number of rows, by name. Not compared on resume. */
  readonly chosen?: JsonValue;
  /** Where paths of the specification were; see placesOf. Not compared on resume. */
  readonly places?: JsonValue;
  /** How it ended, or how far it came before it was stopped; absent while it trains, and after a kill. Not compared on resume. */
  readonly outcome?: RunOutcome;
}

/** The end of a run, and what its artefact is. */
export interface RunOutcome {
  /** The last step that was taken, of so many. */
  readonly step: number;
  readonly totalSteps: number;
  /** Whether nothing is left to do: after the last step, and where early stopping ended the run. */
  readonly isComplete: boolean;
  readonly isEarly: boolean;
  /** The folder in the run's, the step whose model it holds, and why that one. */
  readonly artefact: { readonly folder: 'adapter' | 'model'; readonly step: number; readonly choice: 'best' | 'last' };
  /** The best evaluation after the start; absent where nothing was held out. */
  readonly best?: BestEvaluation;
}

/** A run folder that this process holds until `dispose()`. */
export interface RunFolder {
  readonly path: string;
  readonly record: RunRecord;
  readonly isResumed: boolean;
  /** On resume: versions that differ from those the run began with; the caller warns. */
  readonly versionDifferences: readonly Difference[];
  /** The path of something inside the folder. */
  file(...names: string[]): string;
  /** Writes a file of the folder whole or not at all. */
  write(name: string, contents: string): void;
  /** Removes something of the folder in one step, where it is there. */
  remove(name: string): void;
  /** Writes run.json again with other fields; one that is undefined is taken out. */
  amend(fields: { readonly [Name in keyof RunRecord]?: RunRecord[Name] | undefined }): void;
  /** Gives the lock back. */
  dispose(): void;
}

export interface ResumeOptions {
  /** Dotted paths in the specification that may differ on resume, with everything below them. */
  readonly mayDiffer?: readonly string[];
  /** Paths of the identities that name something whose contents are compared beside them: where it is may differ. */
  readonly namesMayDiffer?: readonly string[];
  /** What the version that began the run did not record: paths that are not compared, and what is said where others differ. */
  readonly unrecorded?: { readonly paths: readonly string[]; readonly problem: Problem };
  /** Dotted paths in the specification that a run of an earlier version may lack. */
  readonly mayLack?: readonly string[];
}

export const RUN_FILE = 'run.json';
const LOCK_NAME = '.lock';
const FORMAT_VERSION = 1;
const MAX_RUN_FILE_BYTES = 16 * 2 ** 20;
const MAX_NAMED_ENTRIES = 5;

/**
 * Makes `path` the folder of a new run and holds it. Throws bad-input, without having changed anything, when the folder holds a run or anything
 * that is not ours, is in use, is a file, or cannot be written. Of several processes that create the same folder exactly one succeeds.
 */
export function createRunFolder(path: string, record: RunRecord): RunFolder {
  refuseForeign(path);
  const isNew = !existsSync(path);
  let lock: Lock | undefined;
  try {
    mkdirSync(path, { recursive: true });
    lock = acquireLock(join(path, LOCK_NAME), path);
    // Another process may have come and gone since the first look.
    refuseForeign(path);
    cleanUp(path);
    writeFileAtomic(join(path, RUN_FILE), textOf(record));
    return openFolder(path, { record, lock, isResumed: false, versionDifferences: [] });
  } catch (error) {
    lock?.release();
    if (isNew) removeIfEmpty(path);
    throw runDiskError(path, error);
  }
}

/**
 * Opens the folder of a run that was interrupted and holds it. Throws bad-input when there is no run, when it is in use, or when its
 * specification, reference or data differ from `record`'s: every difference at once, by option path with the old and the new value.
 */
export function resumeRunFolder(path: string, record: RunRecord, options: ResumeOptions = {}): RunFolder {
  readRunFile(path);
  const lock = acquireLock(join(path, LOCK_NAME), path);
  try {
    const stored = readRunFile(path);
    const given = JSON.parse(JSON.stringify(record)) as RunRecord & JsonObject;
    const differences = [
      ...compareJson(stored.specification, given.specification).filter(
        ({ path: at, before }) =>
          !isBelow(at, options.mayDiffer ?? []) && !(before === undefined && isBelow(at, options.mayLack ?? [])),
      ),
      ...compareJson(stored.reference, given.reference, 'reference'),
      ...compareJson(stored.data, given.data, 'data'),
      ...compareJson(stored.model ?? null, given.model ?? null, 'model'),
    ].filter(({ path: at }) => ![...(options.unrecorded?.paths ?? []), ...(options.namesMayDiffer ?? [])].includes(at));
    if (differences.length > 0)
      throw badInput([
        ...differences.map((difference) => resumeProblem(path, difference)),
        ...(options.unrecorded === undefined ? [] : [options.unrecorded.problem]),
      ]);
    cleanUp(path);
    const versionDifferences = compareJson(stored.versions, given.versions);
    return openFolder(path, { record: stored, lock, isResumed: true, versionDifferences });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * What createRunFolder and resumeRunFolder would refuse at once, for a look before long work: nothing stays written. Throws bad-input for a folder that
 * holds a run or something foreign or cannot be written (new), that holds no run (resumed), or that another process holds.
 */
export function checkRunFolder(path: string, isResumed: boolean): void {
  if (!isResumed) {
    refuseForeign(path);
    return requireWritable(path);
  }
  readRunFile(path);
  acquireLock(join(path, LOCK_NAME), path).release();
}

/** Whether a process holds the folder, as one that trains does: looks, and changes nothing. */
export function isRunInUse(path: string): boolean {
  return lockOwner(join(path, LOCK_NAME)) !== undefined;
}

/** What run.json of the folder says. Throws bad-input when there is none or it is not one of ours. */
export function readRunFile(path: string): RunRecord {
  const file = join(path, RUN_FILE);
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > MAX_RUN_FILE_BYTES)
      throw badInput({ file, message: `must be at most ${MAX_RUN_FILE_BYTES} bytes, got ${size}; it is not a run's` });
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (existsSync(file)) throw runDiskError(file, error);
    throw badInput({
      file: path,
      message: `must hold a run, got no ${RUN_FILE}; leave out --resume to start a new run`,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badInput({ file, message: `must be JSON, got ${messageOf(error)}; restore it or start a new run` });
  }
  const run = value as Partial<RunRecord> & { formatVersion?: unknown };
  if (typeof run !== 'object' || run === null || run.formatVersion !== FORMAT_VERSION) {
    throw badInput({
      file,
      message: `formatVersion must be ${FORMAT_VERSION}, got ${showValue(run?.formatVersion as JsonValue | undefined)}; use the version of preftune that wrote it`,
    });
  }
  const {
    specification = {},
    versions = {},
    reference = null,
    data = null,
    model,
    measured,
    chosen,
    places,
    outcome,
  } = run;
  return {
    specification,
    versions,
    reference,
    data,
    ...(model === undefined ? {} : { model }),
    ...(measured === undefined ? {} : { measured }),
    ...(chosen === undefined ? {} : { chosen }),
    ...(places === undefined ? {} : { places }),
    ...(outcome === undefined ? {} : { outcome }),
  };
}

function textOf(record: RunRecord): string {
  return `${JSON.stringify({ formatVersion: FORMAT_VERSION, ...record }, null, 2)}\n`;
}

interface Opened {
  readonly record: RunRecord;
  readonly lock: Lock;
  readonly isResumed: boolean;
  readonly versionDifferences: readonly Difference[];
}

function openFolder(path: string, { lock, ...rest }: Opened): RunFolder {
  return {
    path,
    ...rest,
    file: (...names) => join(path, ...names),
    write: (name, contents) => writeInto(join(path, name), contents),
    remove: (name) => removeFrom(join(path, name)),
    amend: (fields) => writeInto(join(path, RUN_FILE), textOf({ ...readRunFile(path), ...fields } as RunRecord)),
    dispose: () => lock.release(),
  };
}

function writeInto(path: string, contents: string): void {
  try {
    writeFileAtomic(path, contents);
  } catch (error) {
    throw runDiskError(path, error);
  }
}

function removeFrom(path: string): void {
  try {
    removeWhole(path);
  } catch (error) {
    throw runDiskError(path, error);
  }
}

function resumeProblem(path: string, { path: at, before, after }: Difference): Problem {
  return {
    file: path,
    path: at,
    message:
      `${at} must be what the run began with to resume it, got ${showValue(after)} instead of ${showValue(before)}; ` +
      'change it back or choose another --output',
  };
}

function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(`${root}.`));
}

function refuseForeign(path: string): void {
  const names = entriesOf(path).map(({ name }) => name);
  if (names.includes(RUN_FILE)) {
    throw badInput({
      file: path,
      message:
        'the output folder must be new or empty, got one that holds a run; pass --resume to continue it or choose another --output',
    });
  }
  const foreign = names.filter((name) => !isLockEntry(name, LOCK_NAME) && !isTemporary(name)).toSorted();
  if (foreign.length === 0) return;
  const rest = foreign.length - MAX_NAMED_ENTRIES;
  const shown = foreign.slice(0, MAX_NAMED_ENTRIES).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  throw badInput({
    file: path,
    message: `the output folder must be new or empty, got one that holds ${shown}; choose another --output`,
  });
}

function cleanUp(path: string): void {
  removeRemains(path, { isHolder: true });
  removeUnfinishedCheckpoints(path);
  removeDeadAttempts(path);
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody else uses it by now.
  }
}
