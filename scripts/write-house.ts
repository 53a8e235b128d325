/**
 * The tree of src/ in README.md, one line a folder in the order of the data, from ROOMS of check-imports.ts. A test holds the README to it.
 *
 *     tsx scripts/write-house.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOMS } from './check-imports.ts';

const README = join(import.meta.dirname, '..', 'README.md');

/** What the tree stands between. */
const BEGIN = '<!-- house: made by scripts/write-house.ts -->\n';
const END = '<!-- end of house -->';

/** A line for each folder: its name and what it is. */
export function houseText(): string {
  const width = Math.max(...ROOMS.map(({ name }) => name.length));
  const lines = ROOMS.map(({ name, purpose }) => `      ${name.padEnd(width)}  ${purpose}`);
  return ['', '    src/', ...lines, '', ''].join('\n');
}

/** The README with the tree as it is now. Throws where the marks are missing. */
export function withHouse(readme: string): string {
  const [start, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (start === -1 || end < start) throw new Error(`README.md: must hold ${BEGIN.trim()} and ${END}`);
  return readme.slice(0, start + BEGIN.length) + houseText() + readme.slice(end);
}

if (process.argv[1] === import.meta.filename) writeFileSync(README, withHouse(readFileSync(README, 'utf8')));
