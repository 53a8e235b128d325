import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * What a browser runs, held file by file: such a file names no Node module, and takes values only from files that a browser runs too. Along its imports
 * nothing can then need Node. Types may come from anywhere, since nothing is left of them.
 */

/** What a room says of browsers. */
export interface BrowserClaim {
  readonly name: string;
  /** A browser runs its files, but those named `node-*.ts` and those in a folder `node/`. */
  readonly isBrowser?: boolean;
  /** A browser runs these files and folders of it alone. */
  readonly browserFiles?: readonly string[];
}

export interface SourceFile {
  /** Path below src. */
  readonly file: string;
  readonly isTest: boolean;
  readonly text: string;
}

const NEEDS_NODE = /\/node\/|\/node-[^/]*$/;

/** Whether a browser runs the file, as the rooms claim. */
export function isBrowserFile(file: string, rooms: readonly BrowserClaim[]): boolean {
  const folder = file.split('/')[0]!;
  const room = rooms.find(({ name }) => name === folder);
  if (room?.isBrowser === true) return !NEEDS_NODE.test(file);
  return (room?.browserFiles ?? []).some(
    (part) => file === `${folder}/${part}` || file.startsWith(`${folder}/${part}/`),
  );
}

export function isNodeModule(target: string): boolean {
  return target.startsWith('node:') || builtinModules.includes(target.split('/')[0]!);
}

/** `import ... from`, `export ... from`: what it is, the names in braces, where from. Names alone may be types. */
const STATEMENT = /^(import|export)( type)?\b([^;'"]*?)(?:\bfrom\s*)?'([^']+)';/gm;
const LATER = /\bimport\s*\(\s*'([^']+)'/g;

interface Taken {
  readonly target: string;
  /** The names as the target exports them; none when the whole of it is meant. */
  readonly names: readonly string[];
}

/** What a file takes at run time. */
function valuesTaken(text: string): Taken[] {
  const taken: Taken[] = Array.from(text.matchAll(LATER), ([, target]) => ({ target: target!, names: [] }));
  for (const [, , type, what = '', target] of text.matchAll(STATEMENT)) {
    if (type !== undefined) continue;
    const braces = /\{([^}]*)\}/.exec(what)?.[1];
    const parts = (braces ?? '').split(',').map((part) => part.trim());
    const names = parts
      .filter((part) => part !== '' && !part.startsWith('type '))
      .map((part) => part.split(' as ')[0]!);
    const isWhole = braces === undefined || /^\s*\w+\s*,/.test(what);
    if (isWhole || names.length > 0) taken.push({ target: target!, names: isWhole ? [] : names });
  }
  return taken;
}

/** By face and name, the file that gives it. */
function originsOf(sources: readonly SourceFile[]): Map<string, string> {
  const origins = new Map<string, string>();
  for (const { file, text } of sources) {
    if (!file.endsWith('/index.ts')) continue;
    for (const [, kind, , what = '', target] of text.matchAll(STATEMENT)) {
      if (kind !== 'export') continue;
      for (const part of (/\{([^}]*)\}/.exec(what)?.[1] ?? '').split(',')) {
        const name = part
          .replace(/^\s*type /, '')
          .split(' as ')
          .at(-1)!
          .trim();
        if (name !== '') origins.set(`${file} ${name}`, join(dirname(file), target!));
      }
    }
  }
  return origins;
}

/** One line for each value that what a browser runs takes from what it does not. */
export function browserBreaches(sources: readonly SourceFile[], rooms: readonly BrowserClaim[]): string[] {
  const origins = originsOf(sources);
  const known = new Set(sources.map(({ file }) => file));
  const breaches = new Set<string>();
  for (const { file, isTest, text } of sources) {
    // A face names everything; who imports from it takes a name's own file.
    if (isTest || file.endsWith('/index.ts') || !isBrowserFile(file, rooms)) continue;
    for (const { target, names } of valuesTaken(text)) {
      if (!target.startsWith('.')) continue;
      const path = join(dirname(file), target);
      const from =
        names.length > 0 && path.endsWith('index.ts') ? names.map((name) => origins.get(`${path} ${name}`)) : [path];
      for (const origin of from)
        if (origin !== undefined && known.has(origin) && !isBrowserFile(origin, rooms))
          breaches.add(`src/${file}: takes a value from ${origin}, which needs Node; let the caller pass it in`);
    }
  }
  return [...breaches];
}
