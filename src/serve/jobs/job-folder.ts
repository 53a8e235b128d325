import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runFailed, type JsonObject } from '../../core/index.ts';
import { lockOwner, writeFileAtomic } from '../../files/index.ts';
import type { JobRecord, Ledger } from '../../ledger/index.ts';
import { filesFolder } from '../files/files-folder.ts';
import type { TrainableModel } from './trainable.ts';

/** Writes what the job needs into its folder: its rows, which stay whatever becomes of the uploads, and its configuration. */
export async function prepareJob(
  job: JobRecord,
  {
    ledger,
    threads,
    model: trained,
    folder,
  }: {
    readonly ledger: Ledger;
    readonly threads: number | undefined;
    readonly model: TrainableModel;
    readonly folder: string;
  },
): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { model, adapter } = trained;
  const own = job.request as { readonly options: JsonObject; readonly seed: number };
  const take = async (id: string | undefined, as: string): Promise<string | undefined> => {
    if (id === undefined) return undefined;
    const file = await ledger.files.get(id);
    const path = join(folder, `${as}${extensionOf(file?.filename ?? '')}`);
    linkOrCopy(join(filesFolder(ledger), id), path);
    return path;
  };
  try {
    const data = await take(job.trainingFile, 'training');
    const heldOut = await take(job.validationFile, 'validation');
    const config = {
      ...own.options,
      model,
      ...(adapter !== undefined && { adapter }),
      data,
      ...(heldOut !== undefined && { heldOut }),
      output: join(folder, 'run'),
      ...(threads !== undefined && { threads }),
    };
    writeFileAtomic(join(folder, 'job.json'), `${JSON.stringify(config, null, 2)}\n`);
  } catch (thrown) {
    rmSync(folder, { recursive: true, force: true });
    throw thrown;
  }
}

/** Takes away the rows of a job that is over: whoever deletes an upload means that its bytes are gone. */
export function dropRows(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder))
    if (/^(?:training|validation)\.[a-z.]+$/.test(name)) rmSync(join(folder, name), { force: true });
}

/** What a name says of the rows inside, packed or not. */
const ENDING = /\.(?:jsonl|json|csv|tsv|parquet|txt)(?:\.(?:gz|zst))?$/;

function extensionOf(filename: string): string {
  return ENDING.exec(filename.toLowerCase())?.[0] ?? '.jsonl';
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/** A second signal would end a command in the middle of its step, so it gets this long for the first. */
const ORPHAN_MS = 60_000;

/**
 * A training process whose server was killed: it is asked once to stop, and what it has reached is gone on with. Throws run-failed for one of another computer, which
 * nobody here can ask.
 */
export async function endOrphan(runFolder: string): Promise<void> {
  const lock = join(runFolder, '.lock');
  const owner = existsSync(runFolder) ? lockOwner(lock) : undefined;
  if (owner === undefined) return;
  if (owner.host !== hostname())
    throw runFailed(
      `${runFolder}: must not be in use, process ${owner.pid} of ${owner.host} has it; end that one, or remove ${lock} where it is gone`,
    );
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(owner.pid, name);
    } catch {
      // It has just ended.
    }
  };
  signal('SIGTERM');
  const began = performance.now();
  while (lockOwner(lock) !== undefined) {
    if (performance.now() - began > ORPHAN_MS) signal('SIGKILL');
    await sleep(200);
  }
}
