import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPackedProject, type PackedProject } from './support/packed.ts';

/** examples/ as somebody follows them who installed the package: the commands of support-tone's page, and the program of library, in strict TypeScript. About half a minute. */
const ROOT = join(import.meta.dirname, '..');
const EXAMPLES = join('node_modules', 'preftune', 'examples');

let project: PackedProject;
beforeAll(() => {
  project = createPackedProject();
  mkdirSync(join(project.path, 'node_modules', '@types'), { recursive: true });
  for (const types of ['@types/node', 'undici-types'])
    symlinkSync(join(ROOT, 'node_modules', types), join(project.path, 'node_modules', types));
});
afterAll(() => project.remove());

const read = (...names: string[]): string => readFileSync(join(project.path, ...names), 'utf8');

/** The words of a command line, as a shell parts them. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare!,
  );
}

it('support-tone: every command of its page', { timeout: 600_000 }, async () => {
  cpSync(join(project.path, EXAMPLES, 'support-tone'), project.path, { recursive: true });
  const commands = [...read('README.md').matchAll(/^```sh run\n([\s\S]*?)^```$/gm)].flatMap(([, text]) =>
    text!.trim().split('\n'),
  );
  const said = new Map<string, string>();
  for (const command of commands) {
    const [npx, program, ...words] = wordsOf(command);
    expect([npx, program]).toEqual(['npx', 'preftune']);
    const { code, out, err } = await project.preftune(words);
    expect([command, code, err.split('\n').filter((line) => /internal|must/.test(line))]).toEqual([command, 0, []]);
    said.set(words.join(' '), out);
  }
  expect(said.size).toBe(7);

  const metrics = read('run', 'metrics.jsonl').trim().split('\n');
  const measured = metrics
    .map((line) => JSON.parse(line) as Record<string, number>)
    .filter((row) => 'eval_loss' in row);
  expect(measured.at(-1)!['eval_rewards/accuracies']).toBeGreaterThan(0.7);
  expect(measured.at(-1)!['eval_rewards/margins']).toBeGreaterThan(0.5);
  const answers = [...said].flatMap(([words, out]) => (/generate .*--prompt/.test(words) ? [out] : []));
  expect(answers.length).toBe(2);
  // The question of a pair is answered in the tone of its better side.
  expect(answers[0]).toMatch(/sorry/i);
  expect(read('answers.jsonl').trim().split('\n').length).toBe(4);
  for (const path of ['comparison/report.html', 'run/report.html', 'exported/hf/model.safetensors'])
    expect([path, existsSync(join(project.path, path))]).toEqual([path, true]);
});

it('library: compiles in strict mode, and trains, answers, compares and exports', { timeout: 600_000 }, () => {
  cpSync(join(project.path, EXAMPLES, 'library', 'align.ts'), join(project.path, 'align.ts'));
  const { compilerOptions } = JSON.parse(read(EXAMPLES, 'library', 'tsconfig.json')) as {
    compilerOptions: Record<string, unknown>;
  };
  expect(compilerOptions).toMatchObject({ strict: true, skipLibCheck: false });
  expect(project.compile(['align.ts'], { ...compilerOptions, outDir: '.' })).toBe('');
  const model = join('node_modules', 'preftune', 'assets', 'embedded-model');
  const pairs = join(EXAMPLES, 'support-tone', 'pairs.jsonl');
  const printed = project.run(`
    process.argv.push(${JSON.stringify(model)}, ${JSON.stringify(pairs)}, 'out');
    await import('./align.js');
  `);
  expect(Number(/held out: accuracy ([\d.]+)/.exec(printed)?.[1])).toBeGreaterThan(0.7);
  expect(printed).toMatch(/What is the capital of France\?\n {2}before: Paris/);
  expect(printed.match(/^ {2}kinder: (before|after|neither)$/gm)?.length).toBe(3);
  expect(printed).toMatch(/-Q8_0\.gguf: Log-probabilities of \d+ tokens /);
});
