import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPackedProject, packPreftune, type PackedFile, type PackedProject } from './support/packed.ts';

/** What `npm pack` holds: what a user needs, all of it, and nothing else. test/exports.test.ts and test/quickstart.test.ts use it. */
const ROOT = join(import.meta.dirname, '..');

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly sideEffects: readonly string[];
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly engines: Readonly<Record<string, string>>;
}
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

/** A package in `import ... from 'x';`, `import('x')` or `resolve('x')`. */
const IMPORTED =
  /(^(?:import|export)\b[^'"]*? from |\bimport\(|(?<!Promise\.)\bresolve\()'(?!node:|\.)([@\w][\w@/.-]*)'/gm;

let files: readonly PackedFile[];
let project: PackedProject;
beforeAll(() => {
  ({ files } = packPreftune());
  project = createPackedProject();
});
afterAll(() => project.remove());

function installed(path: string): string {
  return join(project.path, 'node_modules', 'preftune', path);
}

const WINDOWS = ['onnxruntime.dll', 'dxcompiler.dll', 'dxil.dll'];
/** What of ONNX Runtime each platform loads, beside the binding. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  'linux/x64': ['libonnxruntime.so.1'],
  'linux/arm64': ['libonnxruntime.so.1'],
  'darwin/arm64': ['libonnxruntime.1.dylib'],
  'win32/x64': WINDOWS,
  'win32/arm64': WINDOWS,
};
const RUNTIME_FILES = [
  'LICENSE',
  'package.json',
  ...['backend', 'binding', 'index', 'version'].map((name) => `dist/${name}.js`),
  ...Object.entries(LIBRARIES).flatMap(([platform, names]) =>
    ['onnxruntime_binding.node', ...names].map((name) => `bin/napi-v6/${platform}/${name}`),
  ),
];

/** Every file below a folder of the repository. */
function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(relative(ROOT, entry.parentPath), entry.name));
}

/** The sources that are built, without their ending: every module that is no test and helps none. */
function modules(): string[] {
  return readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !`/${file}`.includes('/testing/'))
    .map((file) => file.slice(0, -'.ts'.length));
}

describe('the files', () => {
  it('are code and declarations of every module, the embedded model, and what npm asks for', () => {
    const all = files.map(({ path }) => path);
    const [page, paths] = [
      all.filter((path) => path.startsWith('dist/web/')),
      all.filter((path) => !path.startsWith('dist/web/')),
    ];
    const built = modules().flatMap((module) => [`dist/${module}.js`, `dist/${module}.d.ts`]);
    const model = [
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ].map((name) => `assets/embedded-model/${name}`);
    const runtime = RUNTIME_FILES.map((name) => `dist/runtime/native/${name}`);
    const pages = readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`);
    const rest = [...MANIFEST.files.filter((name) => /[.]|^LICENSE$/.test(name)), 'package.json'];
    const expected = [
      ...built,
      ...model,
      ...runtime,
      ...pages,
      ...filesBelow('examples'),
      ...filesBelow('assets/deploy'),
      ...rest,
    ];
    expect(paths.toSorted()).toEqual(expected.toSorted());
    // Names of the page's files have a hash of what they hold.
    const shapes = page.map((path) => path.replace(/-[\w-]{8}(?=\.(?:js|css)$)/, ''));
    const needed = ['index.html', 'mark.svg', 'assets/index.js', 'assets/index.css', 'assets/versions.js'];
    expect(shapes).toEqual(expect.arrayContaining(needed.map((name) => `dist/web/${name}`)));
    expect(
      shapes.filter((path) => !/^dist\/web\/(?:index\.html|mark\.svg|assets\/[a-zA-Z-]+\.(?:js|css))$/.test(path)),
    ).toEqual([]);
  });

  it('hold what README.md and the pages link to', () => {
    const paths = new Set(files.map(({ path }) => path));
    const pages = [...paths].filter((path) =>
      /^(README|CHANGELOG|CONTRIBUTING)\.md$|^(docs|examples)\/.*\.md$/.test(path),
    );
    const broken = pages.flatMap((page) =>
      [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map(([, link]) => join(dirname(page), link!))
        // Records of benchmarks stay in the repository.
        .filter((path) => !paths.has(path) && !path.startsWith('bench/results/'))
        .map((path) => `${page}: ${path}`),
    );
    expect(broken).toEqual([]);
    expect(pages.length).toBeGreaterThan(15);
  });

  it('are small: ONNX Runtime and the model are most of it', () => {
    const rest = files.filter(({ path }) => !path.endsWith('.safetensors') && !path.startsWith('dist/runtime/native/'));
    expect(rest.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(9e6);
    expect(statSync(packPreftune().tarball).size).toBeLessThan(95e6);
  });
});

describe('package.json', () => {
  it('names files that are there', () => {
    const { bin, sideEffects, exports } = MANIFEST;
    const faces = Object.values(exports).flatMap((one) => (typeof one === 'string' ? [one] : [one.types, one.default]));
    const named = [...Object.values(bin), ...sideEffects, ...faces].map((path) => path.replace('*', 'graph'));
    expect(named.filter((path) => !existsSync(installed(path)))).toEqual([]);
    const main = readFileSync(installed(bin['preftune']!), 'utf8');
    expect(main.startsWith('#!/usr/bin/env node\n')).toBe(true);
  });

  it('runs nothing when it is installed, and pins every version', () => {
    const { scripts, dependencies, devDependencies, engines } = MANIFEST;
    expect(Object.keys(scripts).filter((name) => /install|prepare/.test(name))).toEqual([]);
    const versions = Object.entries({ ...dependencies, ...devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(engines).toEqual({ node: '>=20.19' });
  });
});

describe('dependencies', () => {
  it('are what the code imports, no more and no less', () => {
    const imported = new Set<string>();
    for (const { path } of files) {
      if (!path.endsWith('.js')) continue;
      const text = readFileSync(installed(path), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '');
      // What the copy of ONNX Runtime asks for, in the words of CommonJS.
      const required = [
        ...text.matchAll(/\brequire\("([\w@][\w@/.-]*)"\)/g),
        ...text.matchAll(/\bcreateRequire\(import\.meta\.url\)\('([\w@][\w@/.-]*)'\)/g),
      ].map(([, name]) => name!);
      for (const name of required) if (!isBuiltin(name)) imported.add(name);
      for (const [, , name] of text.matchAll(IMPORTED)) imported.add(/^(@[^/]+\/)?[^/]+/.exec(name!)![0]);
    }
    // The runtime asks for it where it runs from its own sources.
    imported.delete('tsx');
    // Taken where a user installed it with the files for CUDA: peerDependencies has it, as optional.
    imported.delete('onnxruntime-node');
    expect([...imported].toSorted()).toEqual(Object.keys(MANIFEST.dependencies).toSorted());
  });

  it('have their version and reason in ARCHITECTURE.md, all of them', () => {
    const page = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
    const rows = page.slice(page.indexOf('\n## Dependencies\n')).matchAll(/^\| ((?:@|[a-z])[^|]+) \| ([^|]+) \|$/gm);
    const listed = [...rows].flatMap(([, packages]) => packages!.split(', ')).filter((name) => name !== 'package');
    const { dependencies, devDependencies } = MANIFEST;
    const pinned = Object.entries({ ...dependencies, ...devDependencies }).map(
      ([name, version]) => `${name} ${version}`,
    );
    expect(listed.toSorted()).toEqual(pinned.toSorted());
  });
});
