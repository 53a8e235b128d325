import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { codeOf, createCodeMeasure } from './rules-code.ts';
import { probeSandbox } from './sandbox-probe.ts';
import { runSandboxed, type SandboxLanguage, type SandboxOptions, type SandboxResult } from './sandbox.ts';

const abilities = await probeSandbox();
/** Where the platform cannot take the network away, what holds without that is tested still. */
const allowNetwork = abilities.unshare === undefined;
if (allowNetwork)
  process.stderr.write('sandbox: this machine has no user namespaces; tests of the network are skipped\n');
if (abilities.python === undefined) process.stderr.write('sandbox: no python3; its tests are skipped\n');

function run(language: SandboxLanguage, source: string, more: Partial<SandboxOptions> = {}): Promise<SandboxResult> {
  // A busy machine takes its time to start a program.
  return runSandboxed(source, { language, allowNetwork, timeLimitMs: 60_000, ...more });
}

describe('JavaScript', () => {
  test('scripts and modules run, with no variables of ours', async () => {
    const script = await run(
      'javascript',
      'const { sum } = { sum: 1 + 1 }; console.log(sum, Object.keys(process.env).join())',
    );
    expect([script.end, script.status, script.stdout.replace(',SHLVL', '').replace(',_', '')]).toEqual([
      'exited',
      0,
      '2 PATH,LANG,PWD\n',
    ]);
    const module = await run(
      'javascript',
      "import assert from 'node:assert';\nassert.equal(await Promise.resolve(3), 3);",
    );
    expect([module.status, module.stderr]).toEqual([0, '']);
  });

  test.each([
    ["require('fs').readFileSync('/etc/hostname')", 'FileSystemRead'],
    ["require('fs').writeFileSync('x', '')", 'FileSystemWrite'],
    ["require('child_process').execSync('true')", 'ChildProcess'],
    ["new (require('worker_threads').Worker)('', { eval: true })", 'WorkerThreads'],
  ])('%s is refused', async (source, permission) => {
    const { status, stderr } = await run('javascript', source);
    expect([status, stderr.includes('ERR_ACCESS_DENIED'), stderr.includes(permission)]).toEqual([1, true, true]);
  });

  test.skipIf(allowNetwork)('there is no network', async () => {
    const { stdout } = await run(
      'javascript',
      "require('net').connect(80, '192.0.2.1').on('error', (error) => console.log(error.code))",
    );
    expect(stdout).toBe('ENETUNREACH\n');
  });

  test('time, output and memory end it', async () => {
    const endless = await run('javascript', 'for (;;);', { timeLimitMs: 1500 });
    expect([endless.end, endless.status]).toEqual(['time', null]);
    const loud = await run('javascript', "for (;;) console.log('x'.repeat(1000))", { outputBytes: 5000 });
    expect([loud.end, loud.stdout.length]).toEqual(['output', 5000]);
    const greedy = await run('javascript', 'const a = []; for (;;) a.push(new Array(1e5).fill(a.length))', {
      memoryMiB: 128,
      timeLimitMs: 30_000,
    });
    expect([greedy.end, greedy.status === 0]).toEqual(['exited', false]);
  });

  test('a signal ends it, and nothing stays behind', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    const { end } = await run('javascript', 'for (;;);', { signal: stop.signal, timeLimitMs: 60_000 });
    expect(end).toBe('cancelled');
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`preftune-sandbox-${process.pid}-`))).toEqual([]);
  });
});

describe.skipIf(abilities.python === undefined)('Python', () => {
  test('the standard library is there, our variables are not', async () => {
    const { status, stdout } = await run(
      'python',
      "import collections, dataclasses, json, math, os, random, re, typing, unittest\nprint('SECRET' in os.environ, json.dumps([math.gcd(12, 18)]))",
    );
    expect([status, stdout]).toEqual([0, 'False [6]\n']);
  });

  test.each([
    ["open('/etc/hostname')", 'files are not allowed'],
    ["open('x', 'w')", 'files are not allowed'],
    ["import os; os.remove('/tmp/x')", 'os.remove is not allowed'],
    ["import os; os.system('true')", 'os.system is not allowed'],
    ["import subprocess; subprocess.run(['true'])", 'subprocess.Popen is not allowed'],
    ['import socket; socket.socket()', 'socket.__new__ is not allowed'],
    ['import ctypes', 'import is not allowed'],
  ])('%s is refused', async (source, message) => {
    const { status, stderr } = await run('python', source);
    expect([status, stderr.trimEnd().split('\n').at(-1)]).toEqual([1, `PermissionError: sandbox: ${message}`]);
  });

  test('time and memory end it', async () => {
    expect((await run('python', 'while True: pass', { timeLimitMs: 1500 })).end).toBe('time');
    const { stderr } = await run('python', 'x = bytearray(10**9)', { memoryMiB: 128 });
    expect(process.platform === 'linux' ? stderr.trimEnd().endsWith('MemoryError') : true).toBe(true);
  });
});

describe('code as a rule', () => {
  const tests = "if (add(2, 3) !== 5) throw new Error('add(2, 3) must be 5, got ' + add(2, 3));";
  const measure = createCodeMeasure({ kind: 'code', language: 'javascript', tests, allowNetwork, timeLimitSeconds: 5 });

  test.each([
    ['```js\nfunction add(a, b) { return a + b; }\n```', true, 'tests pass'],
    ['Sure:\n```javascript\nconst add = (a, b) => a - b;\n```\nDone', false, 'Error: add(2, 3) must be 5, got -1'],
    ['function add(a, b) { return a + b; }', true, 'tests pass'],
    ['```js\nfunction add( {\n```', false, 'SyntaxError: '],
    ['```js\nprocess.exit(0)\n```', false, 'ended before its tests'],
    ['```python\ndef add(a, b): return a + b\n```', false, 'no javascript code'],
    ['', false, 'no javascript code'],
  ])('%j: %s', async (answer, passes, evidence) => {
    const found = await measure(answer, 'p');
    expect([found.passes, found.score, found.evidence.startsWith(evidence)]).toEqual([passes, Number(passes), true]);
  });

  test('tests of a prompt come before those of all; a prompt without any is an error', async () => {
    const own = createCodeMeasure({
      kind: 'code',
      language: 'javascript',
      testsByPrompt: { double: 'if (f(2) !== 4) throw new Error();' },
      allowNetwork,
    });
    expect((await own('const f = (x) => 2 * x', 'double')).passes).toBe(true);
    await expect(own('const f = 1', 'triple')).rejects.toThrow(
      'judge: every prompt must have its tests in testsFile, got none for "triple"; add it, or tests for all others',
    );
    expect(() => createCodeMeasure({ kind: 'code', language: 'python' })).toThrow(
      'judge: a code rule must have tests, got neither tests nor testsFile',
    );
  });

  test('stopped is no verdict', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    await expect(measure('for (;;);', 'p', stop.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('an answer that meets several others is run once', async () => {
    const clocks = createCodeMeasure({
      kind: 'code',
      language: 'javascript',
      tests: 'throw new Error(`at ${process.hrtime.bigint()}`);',
      allowNetwork,
    });
    const [first, second] = await Promise.all([clocks('const f = 1;', 'p'), clocks('const f = 1;', 'p')]);
    expect(first.evidence).toBe(second.evidence);
    expect((await clocks('const f = 1;', 'p')).evidence).toBe(first.evidence);
  });

  test('fences: of the language, else of none, else nothing', () => {
    const three = '```sh\nnpm i\n```\n```ts\nconst x\n```\n~~~js\na\n~~~\n```\nout\n```\n```js\nb\n```';
    expect(codeOf(three, 'javascript')).toBe('a\n\nb\n');
    expect(codeOf('```\nx = 1\n```', 'python')).toBe('x = 1\n');
    expect(codeOf('```py\nx = 1', 'python')).toBe('x = 1');
    expect(codeOf('```sh\nls\n```', 'python')).toBeUndefined();
  });
});
