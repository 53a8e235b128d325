import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { messageOf } from '../src/core/index.ts';
import { exportModel, openExportSource, type ExportSpecification } from '../src/export/index.ts';
import { temporaryFolder } from './support/tiny-model.ts';

/** Exports onto a disk that is full: a file system of its own in memory, which only root may make. */
const MODEL = join(import.meta.dirname, '..', 'assets', 'embedded-model');
const { path: folder, remove } = temporaryFolder();
const DISK = join(folder, 'disk');
mkdirSync(DISK);

function mount(): string | undefined {
  if (process.platform !== 'linux') return 'no tmpfs on this system';
  try {
    // Room for the weights of 6,160 kB, not for the tokenizer beside them.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6200k', 'tmpfs', DISK], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return messageOf(error).split('\n')[0];
  }
}

const refusal = mount();
if (refusal !== undefined) process.stderr.write(`export-disk.test.ts: skipped, no small disk: ${refusal}\n`);
afterAll(() => {
  if (refusal === undefined) execFileSync('umount', [DISK]);
  remove();
});

const SPECIFICATION: ExportSpecification = {
  targets: ['hf'],
  output: join(DISK, 'out'),
  dtype: 'F16',
  ggufTypes: ['F32'],
  onnxTypes: ['fp32'],
  maxShardBytes: 5e9,
  overwrite: false,
};

async function failureOf(over: Partial<ExportSpecification>): Promise<string> {
  const source = await openExportSource({ model: MODEL, resolve: (path) => Promise.resolve(path) });
  const options = { data: undefined, samples: 8, threads: 1 };
  return exportModel(source, { ...SPECIFICATION, ...over }, options)
    .then(() => 'nothing', messageOf)
    .finally(() => source.close());
}

describe.skipIf(refusal !== undefined)('a full disk', () => {
  it('is told before anything is written, where the weights cannot fit', async () => {
    expect(await failureOf({ targets: ['gguf'] })).toMatch(
      /disk\/out: export: the disk must have 1\d MB free, got 6 MB; free some space, or export fewer types at a time$/,
    );
    expect(readdirSync(DISK)).toEqual([]);
  });

  it('in the middle leaves nothing half-written', async () => {
    expect(await failureOf({})).toBe(
      `${SPECIFICATION.output}: the disk must have room, got no space left; free some space and run the same command again; nothing half-written was left`,
    );
    expect(readdirSync(DISK)).toEqual([]);
  });
});
