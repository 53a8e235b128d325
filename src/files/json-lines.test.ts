import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { JsonLines, type JsonLinesOptions } from './json-lines.ts';
import { readLines } from './line-scan.ts';
import {
  buildProgram,
  makeTemporaryFolder,
  removeFolder,
  skipBecause,
  startProgram,
  thrownBy,
  withSmallDisk,
} from './testing/support.ts';

let folder: string;
let program: string;
let path: string;
let count = 0;
beforeAll(async () => {
  folder = makeTemporaryFolder();
  program = await buildProgram(join(import.meta.dirname, 'testing', 'lines-child.ts'), folder);
});
afterAll(() => removeFolder(folder));
beforeEach(() => (path = join(folder, `${count++}.jsonl`)));

const LIMITS = { what: 'a file of numbers', mostLineBytes: 100 };
const HEADER = { value: { format: 1 }, otherwise: 'must hold numbers of these settings' };

function open(options: Partial<JsonLinesOptions> = {}): { file: JsonLines; found: string[] } {
  const found: string[] = [];
  const file = new JsonLines(path, { ...LIMITS, onLine: (line) => void found.push(line.text), ...options });
  return { file, found };
}

function text(): string {
  return readFileSync(path, 'utf8');
}

test('a header, then values as lines, which have their places', () => {
  const { file } = open({ header: HEADER });
  expect(text()).toBe('{"format":1}\n');
  const places = file.append({ a: 'ü' }, [1, 2]);
  expect(text()).toBe('{"format":1}\n{"a":"ü"}\n[1,2]\n');
  expect(places.map((place) => file.textAt(place))).toEqual(['{"a":"ü"}', '[1,2]']);
  file.dispose();
  file.dispose();
  const again = open({ header: HEADER });
  expect([again.found, again.file.wasTorn]).toEqual([['{"a":"ü"}', '[1,2]'], false]);
  again.file.dispose();
});

test('cut at any byte a file loses its last line at most, and goes on as if nothing had been', () => {
  const whole = '{"format":1}\n{"a":"ü"}\n2\n';
  const bytes = Buffer.from(whole);
  const values = [{ a: 'ü' }, 2];
  for (let length = 0; length <= bytes.length; length++) {
    const cut = bytes.subarray(0, length);
    writeFileSync(path, cut);
    const { file, found } = open({ header: HEADER });
    const lines = cut.toString('latin1').split('\n').length - 1;
    expect([length, found, file.wasTorn]).toEqual([
      length,
      ['{"a":"ü"}', '2'].slice(0, Math.max(0, lines - 1)),
      length > 0 && cut.at(-1) !== 10,
    ]);
    file.append(...values.slice(found.length));
    file.dispose();
    expect(text()).toBe(whole);
  }
});

test('a process that is killed again and again loses nothing that it said', async () => {
  let said = 0;
  for (let kill = 0; kill < 5; kill++) {
    const { child, output, ended } = startProgram([program, path]);
    await new Promise<void>((resolve) =>
      child.stdout!.on('data', () => {
        if (output().split('\n').length > 40 + 20 * kill) resolve();
      }),
    );
    child.kill('SIGKILL');
    await ended;
    said = Number(output().trimEnd().split('\n').at(-1));
    const numbers: number[] = [];
    let head: string | undefined;
    readLines({
      path,
      what: 'numbers',
      mostLineBytes: 1000,
      onLine: (line) => {
        if (head === undefined) head = line.text;
        else numbers.push((JSON.parse(line.text) as { number: number }).number);
      },
    });
    expect(head).toBe('{"numbers":true}');
    expect(numbers).toEqual(Array.from(numbers, (_, i) => i));
    expect(numbers.length).toBeGreaterThan(said);
  }
  expect(said).toBeGreaterThan(100);
});

test('lines from one on are cut off, and what belongs to something else is refused untouched', async () => {
  writeFileSync(path, '{"format":1}\n1\n2\n3\n4');
  const { file, found } = open({ header: HEADER, onLine: ({ text: line }) => Number(line) < 3 });
  expect(text()).toBe('{"format":1}\n1\n2\n');
  file.dispose();
  expect(found).toEqual([]);
  writeFileSync(path, '{"format":2}\n1\n2');
  expect((await thrownBy(() => open({ header: HEADER }))).message).toBe(`${path}: must hold numbers of these settings`);
  const line = `${path}:3: a line must be at most 100 bytes; this is not a file of numbers`;
  for (const end of ['', '\n']) {
    writeFileSync(path, `1\n2\n${'3'.repeat(101)}${end}`);
    expect((await thrownBy(() => open())).message).toBe(line);
    expect(statSync(path).size).toBe(105 + end.length);
  }
});

test('a file that other processes append to is never cut, and a torn line is closed', async () => {
  writeFileSync(path, '1\n2\n{"torn');
  const { file, found } = open({ isShared: true });
  expect([found, file.wasTorn, text()]).toEqual([['1', '2'], true, '1\n2\n{"torn']);
  const other = open({ isShared: true });
  const [mine] = file.append('mine');
  appendFileSync(path, '"theirs"\n');
  const [next] = file.append('next');
  expect([mine!, next!].map((place) => file.textAt(place))).toEqual(['"mine"', '"next"']);
  expect(text()).toBe('1\n2\n{"torn\n"mine"\n"theirs"\n"next"\n');
  const lines: string[] = [];
  other.file.scan((one) => void lines.push(one.text));
  expect(lines).toEqual(['1', '2', '{"torn', '"mine"', '"theirs"', '"next"']);
  await Promise.all([file.flushed(), file.flushed()]);
  for (const each of [file, other.file]) each.dispose();
});

test('who asks for a flush at the same time shares one, and a later value waits for the next', async () => {
  const { file } = open();
  file.append(1);
  const [first, second] = [file.flushed(), file.flushed()];
  expect(second).toBe(first);
  await Promise.resolve();
  await Promise.resolve();
  // The first is under way, and may not know of this value.
  file.append(2);
  const third = file.flushed();
  expect(third).not.toBe(first);
  await Promise.all([first, third]);
  file.dispose();
  expect((await thrownBy(() => file.append(3))).message).toBe(`internal: ${path} was appended to after dispose`);
});

test('a disk that fills up leaves whole lines, and takes more when there is room', async ({ skip }) => {
  const reason = await withSmallDisk(16, async (disk) => {
    for (const isShared of [false, true]) {
      path = join(disk, `${isShared}`);
      const { file } = open({ isShared, mostLineBytes: 2 ** 20 });
      const size = isShared ? 3000 : 5000;
      file.append('x'.repeat(size));
      const { message } = await thrownBy(() => {
        for (;;) file.append('y'.repeat(3000));
      });
      expect(message).toBe(
        `${path}: the disk must have room, got no space left; free some space and run the same command again; nothing half-written was left`,
      );
      const lines: string[] = [];
      file.scan((line) => void lines.push(line.text));
      expect([isShared, lines.every((line) => JSON.parse(line) !== '')]).toEqual([isShared, true]);
      if (!isShared) expect(text().endsWith('\n')).toBe(true);
      file.dispose();
      removeFolder(path);
    }
  });
  skipBecause(skip, reason);
});
