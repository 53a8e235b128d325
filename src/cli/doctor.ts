import { existsSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf, runFailed, type JsonValue, wrap } from '../core/index.ts';
import { cacheFolder, placeTrouble, requireWritable } from '../files/index.ts';
import { option } from '../options/index.ts';
import { defineCommand, type Command } from './frame/command.ts';
import { nodeProblem } from './frame/node-version.ts';
import { readHubSettings } from '../hub/index.ts';
import { sizeText } from './frame/progress.ts';

/** What the runtime says of one execution provider. */
export interface ProviderReport {
  readonly name: string;
  readonly isAvailable: boolean;
  /** Why not, or what it runs on. */
  readonly detail?: string;
}

/** Asks the runtime which execution providers work here. May reject: the runtime itself may not load. */
export type ProviderProbe = () => Promise<readonly ProviderReport[]>;

type Verdict = 'ok' | 'note' | 'problem';

interface Check {
  readonly name: string;
  readonly verdict: Verdict;
  readonly text: string;
}

const LITTLE_MEMORY_BYTES = 4e9;
const LITTLE_DISK_BYTES = 5e9;
/** The column of texts is never narrower. */
const NARROWEST = 24;
const MARKS: Readonly<Record<Verdict, string>> = { ok: 'ok     ', note: 'note   ', problem: 'PROBLEM' };

/** `preftune doctor`: what of this machine preftune can use, and what would stop it. Exit code 1 when something would. */
export function createDoctor(probeProviders: ProviderProbe): Command {
  return defineCommand({
    name: 'doctor',
    description: 'Shows what preftune can use of this machine, and what would stop it',
    examples: [
      { does: 'this machine', words: '' },
      { does: 'with the disk that a run would be written to', words: '--output /data/runs' },
    ],
    options: z.strictObject({
      output: option(z.string().min(1).default('.'), {
        help: 'folder whose disk is asked for free space',
        alias: '-o',
      }),
    }),
    async run({ output }, { terminal, environment }) {
      const hub = readHubSettings(environment);
      const checks = [
        nodeCheck(process.versions.node),
        processorCheck(),
        memoryCheck(totalmem(), freemem()),
        diskCheck('disk for runs', output),
        diskCheck('disk for models', hub.cacheDir),
        writeCheck('write runs', output, 'name another folder with --output'),
        writeCheck(
          'write models',
          hub.cacheDir,
          'models are read where they are, others are fetched into the temporary folder; set HF_HOME',
        ),
        writeCheck(
          'write cache',
          cacheFolder(environment, 'reference'),
          'references are computed anew each time; set XDG_CACHE_HOME',
        ),
        ...(await providerChecks(probeProviders)),
        {
          name: 'hub',
          verdict: 'ok',
          text: `${hub.endpoint}, ${hub.token === undefined ? 'no token' : 'with a token'}${hub.isOffline ? ', offline' : ''}`,
        },
      ] satisfies Check[];
      const width = Math.max(...checks.map(({ name }) => name.length));
      const lines = checks.map(({ name, verdict, text }) => {
        const lead = `${MARKS[verdict]}  ${name.padEnd(width)}  `;
        return wrap(text, Math.max(terminal.columns, lead.length + NARROWEST), {
          first: lead,
          rest: ' '.repeat(lead.length),
          keepsWords: true,
        }).join('\n');
      });
      terminal.result(checks as unknown as JsonValue, lines.join('\n'));
      const problems = checks.filter(({ verdict }) => verdict === 'problem');
      if (problems.length > 0)
        throw runFailed(problems.map(({ name, text }) => ({ message: `doctor: ${name}: ${text}` })));
    },
  });
}

/** Whether this Node is new enough. */
export function nodeCheck(version: string): Check {
  const problem = nodeProblem(version);
  return { name: 'node', verdict: problem === undefined ? 'ok' : 'problem', text: problem ?? version };
}

function processorCheck(): Check {
  const model = cpus()[0]?.model.trim() || process.arch;
  const cores = availableParallelism();
  return { name: 'processor', verdict: 'ok', text: `${cores} ${cores === 1 ? 'core' : 'cores'}, ${model}` };
}

/** Whether there is memory for a small model: below 4 GB free, a note. */
export function memoryCheck(totalBytes: number, freeBytes: number): Check {
  const text = `${sizeText(freeBytes)} free of ${sizeText(totalBytes)}`;
  return freeBytes >= LITTLE_MEMORY_BYTES
    ? { name: 'memory', verdict: 'ok', text }
    : { name: 'memory', verdict: 'note', text: `${text}; models above about 100 million parameters will not fit` };
}

function diskCheck(name: string, folder: string): Check {
  let existing = resolve(folder);
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  try {
    const { bavail, bsize } = statfsSync(existing);
    const freeBytes = bavail * bsize;
    const text = `${sizeText(freeBytes)} free at ${existing}`;
    return freeBytes >= LITTLE_DISK_BYTES
      ? { name, verdict: 'ok', text }
      : { name, verdict: 'note', text: `${text}; checkpoints or a model may not fit` };
  } catch (error) {
    return { name, verdict: 'problem', text: `${folder} cannot be asked: ${messageOf(error)}` };
  }
}

/** Whether files can be written into a folder: a note where not, since other folders can be named. */
export function writeCheck(name: string, folder: string, otherwise: string): Check {
  const path = resolve(folder);
  try {
    requireWritable(path);
    return { name, verdict: 'ok', text: path };
  } catch (error) {
    return { name, verdict: 'note', text: `${placeTrouble(path, error)}; ${otherwise}` };
  }
}

async function providerChecks(probe: ProviderProbe): Promise<Check[]> {
  let reports: readonly ProviderReport[];
  try {
    reports = await probe();
  } catch (error) {
    const text = `ONNX Runtime does not load: ${messageOf(error)}; run npm install again on this machine`;
    return [{ name: 'runtime', verdict: 'problem', text }];
  }
  return reports.map(({ name, isAvailable, detail }) => {
    if (isAvailable) return { name, verdict: 'ok', text: detail ?? `works; choose it with --device ${name}` };
    return { name, verdict: name === 'cpu' ? 'problem' : 'note', text: detail ?? 'not available' };
  });
}
