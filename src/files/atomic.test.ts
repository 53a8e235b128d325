import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { streamFileAtomic, writeFileAtomic, writeFolderAtomic, writeLinesAtomic } from './atomic.ts';
import { asideName, removeRemains, temporaryName } from './remains.ts';
import {
  buildProgram,
  makeTemporaryFolder,
  removeFolder,
  skipBecause,
  startProgram,
  thrownBy,
  withSmallDisk,
} from './testing/support.ts';

let root: string;
let program: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  root = makeTemporaryFolder();
  program = await buildProgram(join(import.meta.dirname, 'testing', 'atomic-child.ts'), root);
});
afterAll(() => removeFolder(root));
beforeEach(() => {
  folder = join(root, `case-${count++}`);
  mkdirSync(folder);
});

/** The name that a process of this computer gave what it left, and that does not run any more. */
function dead(name: string): string {
  return name.replace(`-${process.pid}-`, `-${2 ** 22 + 1}-`);
}

/** The same of another computer. */
function foreign(name: string): string {
  return name.replace(/-[0-9a-f]{8}(-[0-9a-f]{8}-[0-9a-f]{8})$/, '-00000000$1');
}

function text(...names: string[]): string {
  return readFileSync(join(folder, ...names), 'utf8');
}

async function fill(at: string): Promise<void> {
  writeFileSync(join(at, 'new.txt'), 'new');
}

test.each(['file', 'folder'])(
  'what a killed process left of a %s is removed by the next writer, what a living one writes is not',
  async (kind) => {
    const path = join(folder, 'model');
    const [killed, living] = [startProgram([program, path, kind]), startProgram([program, path, kind])];
    const both = [killed, living].map(
      ({ child }) => new Promise<void>((resolve) => child.stdout!.once('data', () => resolve())),
    );
    await Promise.all(both);
    expect(readdirSync(folder)).toHaveLength(2);
    killed.child.kill('SIGKILL');
    await killed.ended;
    writeFileAtomic(join(folder, 'other'), 'another name, whose remains these are not');
    expect(readdirSync(folder)).toHaveLength(3);
    removeRemains(folder, { of: 'model' });
    const left = readdirSync(folder).filter((name) => name !== 'other');
    expect(left.map((name) => /^\.tmp-model-(\d+)-/.exec(name)?.[1])).toEqual([String(living.child.pid)]);
    living.child.stdin!.write('go on\n');
    expect([await living.ended, living.output()]).toEqual([0, 'half\n']);
    expect(readdirSync(folder)).toEqual(['model', 'other']);
    expect(kind === 'file' ? text('model') : text('model', 'half')).toBe('half');
  },
);

test('of another computer only what nobody has written to for a day is removed, unless the folder is held', () => {
  const [fresh, stale] = [foreign(temporaryName('run')), foreign(temporaryName('run'))];
  for (const name of [fresh, stale]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'weights'), '');
  }
  const yesterday = Date.now() / 1000 - 25 * 3600;
  for (const path of [join(folder, stale, 'weights'), join(folder, stale)]) utimesSync(path, yesterday, yesterday);
  // A folder is as new as the newest of its files.
  utimesSync(join(folder, fresh), yesterday, yesterday);
  removeRemains(folder, { of: 'run' });
  expect(readdirSync(folder)).toEqual([fresh]);
  const own = temporaryName('run');
  writeFileSync(join(folder, own), '');
  removeRemains(folder, { isHolder: true });
  expect(readdirSync(folder)).toEqual([own]);
});

test('a pid that was given to another process since is no living owner', ({ skip }) => {
  skipBecause(skip, process.platform === 'linux' ? undefined : 'only Linux says when a process began');
  writeFileSync(join(folder, temporaryName('a').replace(/-[0-9a-f]{8}(-[0-9a-f]{8})$/, '-00000000$1')), '');
  removeRemains(folder, { of: 'a' });
  expect(readdirSync(folder)).toEqual([]);
});

test('a kill between the two renames of a replacement leaves the old folder, which comes back', async () => {
  const [aside, temporary] = [dead(asideName('model')), dead(temporaryName('model'))];
  for (const name of [aside, temporary]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, aside, 'old.txt'), 'old');
  expect((await thrownBy(() => writeFolderAtomic(join(folder, 'model'), fill))).message).toBe(
    `${join(folder, 'model')}: must be a new or empty folder, got one that holds old.txt; name another`,
  );
  expect([readdirSync(folder), text('model', 'old.txt')]).toEqual([['model'], 'old']);
  // A kill behind the second leaves both: the new one stays.
  mkdirSync(join(folder, aside));
  removeRemains(folder, { of: 'model' });
  expect([readdirSync(folder), text('model', 'old.txt')]).toEqual([['model'], 'old']);
});

test('files of others are nobody’s remains', () => {
  const names = ['.tmp-model', '.tmp-model-1-ab', '.tmp-modelled', '.old-model', 'tmp-model-1-2-3-4'];
  for (const name of names) writeFileSync(join(folder, name), '');
  writeFileSync(join(folder, dead(temporaryName('model-2'))), '');
  removeRemains(folder, { of: 'model' });
  expect(readdirSync(folder)).toHaveLength(names.length + 1);
});

test('names as long as the system allows are written and cleaned up', () => {
  const long = `${'ü'.repeat(120)}.bin`;
  writeFileSync(join(folder, dead(temporaryName(long))), '');
  writeFileAtomic(join(folder, long), 'whole');
  expect([readdirSync(folder), text(long)]).toEqual([[long], 'whole']);
});

test('a folder that holds something is kept unless overwriting is asked for, and kept whole when that fails', async () => {
  const path = join(folder, 'model');
  mkdirSync(path);
  writeFileSync(join(path, 'old.txt'), 'old');
  expect((await thrownBy(() => writeFolderAtomic(path, fill))).message).toBe(
    `${path}: must be a new or empty folder, got one that holds old.txt; name another`,
  );
  const failing = async (at: string): Promise<void> => {
    await fill(at);
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  expect((await thrownBy(() => writeFolderAtomic(path, failing, { overwrite: true }))).message).toBe(
    `${path}: the disk must have room, got no space left; free some space and run the same command again; nothing half-written was left`,
  );
  expect([readdirSync(folder), readdirSync(path)]).toEqual([['model'], ['old.txt']]);
  await writeFolderAtomic(path, fill, { overwrite: true });
  expect([readdirSync(folder), readdirSync(path)]).toEqual([['model'], ['new.txt']]);
});

test('a part of the filled folder alone may take the place, as a file or a folder', async () => {
  const path = join(folder, 'a.gguf');
  writeFileSync(path, 'old');
  await writeFolderAtomic(path, async (at) => (writeFileSync(join(at, 'inner'), 'new'), join(at, 'inner')), {
    overwrite: true,
  });
  expect([readdirSync(folder), text('a.gguf')]).toEqual([['a.gguf'], 'new']);
});

test('an error inside names the place, not the temporary folder', async () => {
  const path = join(folder, 'model');
  const { message } = await thrownBy(() =>
    writeFolderAtomic(path, (at) =>
      writeFolderAtomic(join(at, 'inner'), async (inner) => {
        mkdirSync(join(inner, 'config.json'));
        writeFileAtomic(join(inner, 'config.json', 'x', 'y'), '');
      }),
    ),
  );
  expect(message).toMatch(
    /case-\d+\/model\/inner\/config.json\/x\/y: must lie in a folder that exists, got no .*config.json\/x; make it/,
  );
  expect(readdirSync(folder)).toEqual([]);
});

test('lines and pieces are there whole or not at all', async () => {
  const [kept, removed] = [join(folder, 'kept'), join(folder, 'removed')];
  const lines = Array.from({ length: 3 }, (_, i) => `${i}${'x'.repeat(700_000)}`);
  const given = await writeLinesAtomic(kept, (keep) =>
    writeLinesAtomic(removed, async (remove) => {
      for (const line of lines) keep(line);
      remove('one');
      return 4;
    }),
  );
  expect([given, text('kept'), text('removed')]).toEqual([4, `${lines.join('\n')}\n`, 'one\n']);
  const error = await thrownBy(() =>
    streamFileAtomic(kept, async (file) => {
      await file.writeFile('half');
      throw new Error('cut');
    }),
  );
  expect(error.message).toBe(`${kept}: must be readable and writable, got cut`);
  expect([readdirSync(folder), text('removed')]).toEqual([['kept', 'removed'], 'one\n']);
});

test('a full disk keeps the old file', async ({ skip }) => {
  const reason = await withSmallDisk(64, async (disk) => {
    const path = join(disk, 'file');
    writeFileAtomic(path, 'old');
    const { message } = await thrownBy(() => writeFileAtomic(path, 'x'.repeat(100_000)));
    expect(message).toBe(
      `${path}: the disk must have room, got no space left; free some space and run the same command again; nothing half-written was left`,
    );
    expect([readdirSync(disk), readFileSync(path, 'utf8')]).toEqual([['file'], 'old']);
  });
  skipBecause(skip, reason);
});
