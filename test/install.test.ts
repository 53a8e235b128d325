import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packPreftune } from './support/packed.ts';
import { nodeOfVersion, registryHost, registryProblem, watchedHosts } from './support/registry.ts';
import { tinyPairs, writeRows } from './support/tiny-model.ts';

/**
 * `npm install preftune` as a user runs it: the packed package, an empty project, no setting of the repository, the registry and no other host. Then the
 * commands and the library, on the oldest and the newest Node too. About 40 s on two cores, of which 10 s are the downloads of the two Nodes.
 */
const problem = registryProblem();
if (problem !== undefined) process.stderr.write(`install.test.ts skipped: ${problem}\n`);

/** The oldest and the newest that package.json allows, and one that it does not. */
const [OLDEST, NEWEST, TOO_OLD] = ['20.19.0', '26.12.1', '18.20.8'];
const hasNodes = process.platform === 'linux' && process.arch === 'x64';
if (problem === undefined && !hasNodes)
  process.stderr.write('install.test.ts: other versions of Node skipped: they are taken for Linux x64\n');

const MODEL = join('node_modules', 'preftune', 'assets', 'embedded-model');

let home: string;
let project: string;
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, words: readonly string[], environment = process.env): Ended {
  return spawnSync(program, words, { cwd: project, encoding: 'utf8', env: environment });
}

/** The command, run by a Node of this path. */
function preftune(node: string, ...words: string[]): Ended {
  return run(node, [join('node_modules', 'preftune', 'dist', 'cli', 'main.js'), ...words]);
}

/** Bytes of all files below a folder. */
function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, status) => sum + (status.isFile() ? status.size : 0), 0);
}

/** Trains two steps and answers with the adapter. */
function firstSteps(node: string, output: string): void {
  const words = [
    '--model',
    MODEL,
    '--data',
    'pairs.jsonl',
    '--output',
    output,
    '--max-steps',
    '2',
    '--batch-size',
    '4',
  ];
  const trained = preftune(node, 'dpo', ...words, '--json');
  expect([trained.status, trained.stderr.replaceAll(/^\{.*\}$/gm, '').trim()]).toEqual([0, '']);
  const losses = readFileSync(join(project, output, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n');
  // At the first step policy and reference are one.
  expect((JSON.parse(losses[0]!) as { loss: number }).loss).toBeCloseTo(Math.LN2, 4);
  const given = ['--adapter', join(output, 'adapter'), '--prompt', 'What is the capital of France?'];
  const answer = preftune(node, 'generate', '--model', MODEL, ...given, '--max-new-tokens', '16', '--json');
  expect(answer.status).toBe(0);
  expect((JSON.parse(answer.stdout) as { completion: { content: string }[] }).completion[0]?.content).toMatch(/\w/);
}

describe.skipIf(problem !== undefined)('npm install preftune', () => {
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'preftune-install-'));
    project = join(home, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    writeRows(join(project, 'pairs.jsonl'), tinyPairs(8));
  });

  it('succeeds with the registry alone, and runs no script', { timeout: 300_000 }, () => {
    const registry = registryHost();
    const watched = watchedHosts(home, [registry]);
    const words = ['install', packPreftune().tarball, '--no-audit', '--no-fund'];
    const { status, stderr } = run('npm', words, watched.environment);
    expect([status, stderr.replaceAll(/^npm (notice|warn).*\n/gm, '')]).toEqual([0, '']);
    expect(watched.hosts()).toEqual([registry]);
    const lock = readFileSync(join(project, 'node_modules', '.package-lock.json'), 'utf8');
    expect(lock).not.toContain('hasInstallScript');
    expect(existsSync(join(project, 'node_modules', 'onnxruntime-node'))).toBe(false);
    // docs/installing.md says 290 MB.
    expect(sizeOf(join(project, 'node_modules'))).toBeLessThan(310e6);
  });

  it('gives a command that works here', () => {
    const { status, stdout } = run('npx', ['--no', 'preftune', 'doctor', '--json']);
    const checks = JSON.parse(stdout) as { name: string; verdict: string; text: string }[];
    expect(checks.find(({ name }) => name === 'cpu')?.verdict).toBe('ok');
    expect(status).toBe(0);
    firstSteps(process.execPath, 'run');
  });

  it('says what is missing where the binaries of this platform are', () => {
    const binaries = join(project, 'node_modules', 'preftune', 'dist', 'runtime', 'native', 'bin');
    renameSync(binaries, `${binaries}-away`);
    const { status, stdout } = preftune(process.execPath, 'doctor', '--json');
    renameSync(`${binaries}-away`, binaries);
    const checks = JSON.parse(stdout) as { name: string; verdict: string; text: string }[];
    const cpu = checks.find(({ name }) => name === 'cpu');
    expect([status, cpu?.verdict]).toEqual([1, 'problem']);
    expect(cpu?.text).toContain('files of the package are missing or damaged: install preftune again on this machine');
  });

  describe.skipIf(!hasNodes)('runs on', () => {
    it.each([OLDEST, NEWEST])('Node %s', { timeout: 300_000 }, (version) => {
      const node = nodeOfVersion(version);
      expect(run(node, ['--version']).stdout).toBe(`v${version}\n`);
      firstSteps(node, `run-${version}`);
    });

    it('no older Node, and says so in one line', { timeout: 300_000 }, () => {
      for (const words of [[], ['--help'], ['dpo', '--help'], ['doctor']]) {
        const { status, stdout, stderr } = preftune(nodeOfVersion(TOO_OLD), ...words);
        const said = `preftune: node: must be at least 20.19, got ${TOO_OLD}; install a newer Node\n`;
        expect([status, stdout, stderr]).toEqual([1, '', said]);
      }
    });
  });
});
