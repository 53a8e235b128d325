import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One `@example` of a docstring. */
export interface Example {
  /** The function that it stands at. */
  readonly name: string;
  /** Path below src/. */
  readonly file: string;
  readonly code: string;
  /** What it prints, as its comments say; undefined where it is not run. */
  readonly prints: string | undefined;
}

/** A docstring, its last `@example` with one fence, and the function behind it. */
const DOCSTRING = /\/\*\*((?:(?!\*\/)[\s\S])*?@example(?:(?!\*\/)[\s\S])*)\*\/\nexport (?:async )?function (\w+)/g;
const FENCE = /@example\n```ts( run)?\n([\s\S]*?)\n```/g;

/**
 * Every example of src/. A fence says `ts run` where the example is run too: the comment behind a console.log, or the comment lines right
 * below it, are what it prints.
 */
export function examplesOf(sources: string): Example[] {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .toSorted();
  return files.flatMap((file) => {
    const text = readFileSync(join(sources, file), 'utf8');
    return [...text.matchAll(DOCSTRING)].flatMap(([, comment, name]) => {
      const plain = comment!.replaceAll(/^ \* ?/gm, '');
      return [...plain.matchAll(FENCE)].map(([, run, code]) => ({
        name: name!,
        file,
        code: code!,
        prints: run === undefined ? undefined : printedBy(code!),
      }));
    });
  });
}

/** What the comments of an example say that it prints. */
function printedBy(code: string): string {
  const lines = code.split('\n');
  return lines
    .flatMap((line, at) => {
      if (!line.includes('console.log(')) return [];
      const behind = /; \/\/ (.*)$/.exec(line)?.[1];
      if (behind !== undefined) return [behind];
      const below = lines.slice(at + 1);
      const end = below.findIndex((next) => !next.startsWith('// '));
      return below.slice(0, end === -1 ? below.length : end).map((comment) => comment.slice('// '.length));
    })
    .join('\n');
}
