import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { examplesOf } from './support/examples.ts';
import { createPackedProject, type PackedProject } from './support/packed.ts';

/** The examples in docstrings: each compiles in a project that has the package and nothing else of ours, and those marked `ts run` print what they say. */
const ROOT = join(import.meta.dirname, '..');
const EXAMPLES = examplesOf(join(ROOT, 'src'));

let project: PackedProject;
beforeAll(() => {
  project = createPackedProject();
  // What a program for Node has besides.
  mkdirSync(join(project.path, 'node_modules', '@types'), { recursive: true });
  for (const types of ['@types/node', 'undici-types'])
    symlinkSync(join(ROOT, 'node_modules', types), join(project.path, 'node_modules', types));
  const pairs = [
    { prompt: 'What is a comet?', chosen: 'A lump of ice and dust that circles the sun.', rejected: 'Ice.' },
    { prompt: 'Name a river in Egypt.', chosen: 'The Nile.', rejected: 'No.' },
  ];
  writeFileSync(join(project.path, 'pairs.jsonl'), pairs.map((row) => `${JSON.stringify(row)}\n`).join(''));
  mkdirSync(join(project.path, 'examples'));
  for (const [at, { code }] of EXAMPLES.entries())
    writeFileSync(join(project.path, 'examples', `${at}.ts`), `${code}\nexport {};\n`);
});
afterAll(() => project.remove());

/** The names that an index.ts gives, types left out. */
function namesOf(face: string): string[] {
  const text = readFileSync(join(ROOT, 'src', face, 'index.ts'), 'utf8');
  return [...text.matchAll(/^export \{([^}]*)\} from/gm)].flatMap(([, names]) =>
    names!.split(',').flatMap((name) => (/^\s*(type |$)/.test(name) ? [] : [name.trim()])),
  );
}

test('every function of the root has one, and so has the main function of each face', () => {
  const named = new Set(EXAMPLES.map(({ name }) => name));
  const functions = namesOf('').filter((name) => /^[a-z]/.test(name));
  expect(functions.filter((name) => !named.has(name))).toEqual([]);
  const faces = readFileSync(join(ROOT, 'scripts', 'check-imports.ts'), 'utf8').matchAll(/^ {2}\{ name: '(\w+)'/gm);
  const bare = [...faces].map(([, face]) => face!).filter((face) => !namesOf(face).some((name) => named.has(name)));
  expect(bare).toEqual([]);
});

test('they compile in strict mode', () => {
  const files = EXAMPLES.map((_example, at) => `examples/${at}.ts`);
  const said = project.compile(files, { types: ['node'], outDir: 'built', rootDir: 'examples' });
  const places = EXAMPLES.map(({ file, name }, at) => `${at}: ${file} ${name}`);
  expect(said, places.join('\n')).toBe('');
});

test('those that are run print what their comments say', () => {
  const run = EXAMPLES.flatMap(({ file, name, prints }, at) =>
    prints === undefined ? [] : [{ at, file, name, prints }],
  );
  const output = project.run(`
    import { format } from 'node:util';
    const printed = [];
    const { log } = console;
    for (const at of ${JSON.stringify(run.map(({ at }) => at))}) {
      const lines = [];
      console.log = (...values) => lines.push(format(...values));
      try {
        await import('./built/' + at + '.js');
      } catch (error) {
        lines.push(String(error));
      }
      printed.push(lines.join('\\n'));
    }
    log(JSON.stringify(printed));
  `);
  const printed = JSON.parse(output) as string[];
  expect(run.map(({ file, name }, i) => ({ file, name, prints: printed[i] }))).toEqual(
    run.map(({ file, name, prints }) => ({ file, name, prints })),
  );
  expect(run.length).toBeGreaterThan(20);
});
