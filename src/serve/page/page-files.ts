import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ServeError } from '../serve-error.ts';

/** A file of the page, as it goes out. */
export interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same in gzip. */
  packed(): Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
  /** Its name holds its hash. */
  readonly isForever: boolean;
}

export interface PageFiles {
  /** Throws ServeError where the page was not built. */
  index(): PageFile;
  /** By path below `/ui/`; undefined where there is none. */
  get(path: string): PageFile | undefined;
}

/** `dist/web` of the package, seen from `src/serve/page` and from `dist/serve/page`. */
const FOLDER = fileURLToPath(new URL('../../../dist/web', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

/** Reads the files of the page into memory (less than a megabyte) when the first is asked for, so that names are looked up and are never paths. */
export function openPageFiles(folder = FOLDER): PageFiles {
  let files: ReadonlyMap<string, PageFile> | undefined;
  const all = (): ReadonlyMap<string, PageFile> => (files ??= readFiles(folder));
  return {
    index: () => {
      const index = all().get('index.html');
      if (index !== undefined) return index;
      files = undefined;
      throw new ServeError(404, 'The page is not built; run npm run build', { code: 'no_page' });
    },
    get: (path) => all().get(path),
  };
}

function readFiles(folder: string): ReadonlyMap<string, PageFile> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  return new Map(
    names
      .filter((name) => extname(name) in TYPES)
      .map((name) => [name, pageFile(name, readFileSync(join(folder, name)))]),
  );
}

function pageFile(name: string, bytes: Uint8Array<ArrayBuffer>): PageFile {
  let packed: Uint8Array<ArrayBuffer> | undefined;
  return {
    bytes,
    packed: () => (packed ??= gzipSync(bytes)),
    type: TYPES[extname(name)]!,
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    isForever: name.startsWith('assets/'),
  };
}
