import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Rolldown } from 'vite';
import { isBrowserFile, isNodeModule } from '../../scripts/browser-claim.ts';
import { ROOMS } from '../../scripts/check-imports.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Every file of src/ of which ROOMS says that a browser runs it; faces name what needs Node too, and are left out. */
export function claimedFiles(): string[] {
  return readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|\/testing\/|\/index\.ts$/.test(file))
    .filter((file) => isBrowserFile(file, ROOMS))
    .toSorted();
}

export interface Bundle {
  /** By file name, the first one begins. */
  readonly files: ReadonlyMap<string, string>;
  /** What is imported from outside the bundle: nothing, where a browser can run it. */
  readonly outside: readonly string[];
}

/** Bundles the files for a browser, as `globalThis.modules` by path, and what `compute.ts` gives as `globalThis.compute`. */
export async function bundleOf(files: readonly string[]): Promise<Bundle> {
  const imports = files.map((file, i) => `import * as m${i} from ${JSON.stringify(join(ROOT, 'src', file))};`);
  const modules = files.map((file, i) => `${JSON.stringify(file)}: m${i}`);
  const code = [
    ...imports,
    `import { compute } from ${JSON.stringify(join(import.meta.dirname, 'compute.ts'))};`,
    `globalThis.modules = { ${modules.join(', ')} };`,
    'globalThis.compute = compute;',
  ].join('\n');
  const built = (await build({
    configFile: false,
    root: ROOT,
    logLevel: 'silent',
    plugins: [
      {
        name: 'preftune:outside',
        enforce: 'pre',
        resolveId: (source) => {
          if (source === 'entry') return '\0entry';
          // Left as an import that the bundle shows, where vite would put an empty module in its place.
          const isOutside = isNodeModule(source) || source.startsWith('onnxruntime');
          return isOutside ? { id: source, external: true, moduleSideEffects: false } : undefined;
        },
        load: (id) => (id === '\0entry' ? code : undefined),
      },
    ],
    build: { write: false, target: 'es2022', minify: false, modulePreload: false, rollupOptions: { input: 'entry' } },
  })) as Rolldown.RolldownOutput;
  const chunks = built.output.filter((file) => file.type === 'chunk');
  const own = new Set(chunks.map(({ fileName }) => fileName));
  const imported = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]);
  return {
    files: new Map(chunks.map(({ fileName, code: text }) => [fileName, text])),
    outside: [...new Set(imported)].filter((name) => !own.has(name)).toSorted(),
  };
}
