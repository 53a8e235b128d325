/**
 * Prose of every Markdown file at 120 columns. Fences, indented code, tables, headings and HTML stay as they are; so do links, code spans and
 * the structure of lists.
 *
 *     tsx scripts/wrap-markdown.ts [--check]
 *
 * Writes the files that change and names them; with --check it only names them, and exits 1 when there are any.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const WIDTH = 120;

const FENCE = /^\s*(`{3,}|~{3,})/;
const ITEM = /^(\s*(?:[-*+]|\d+[.)])\s+)(?=\S)/;
/** Headings, tables, HTML, rules, quotes and definitions of links. */
const VERBATIM = /^\s{0,3}(?:#{1,6}\s|\||<|>|\[[^\]]+\]:\s|(?:[-*_]\s*){3,}$)/;
const CODE = /^(?: {4}|\t)/;
/** A word, with the code spans and links in it whole. */
const WORD = /(?:`[^`]*`|!?\[[^\]]*\](?:\([^)\s]*\))?|[^\s`[]|[`[])+/g;
/** What would begin something else at the start of a line. */
const BEGINS = /^(?:[-*+]|\d+[.)]|#{1,6}|>.*|\|.*|={2,}|-{2,}|<.*|`{3,}.*)$/;

/** A paragraph as its lines begin: the first, and those after it. */
interface Paragraph {
  readonly first: string;
  readonly rest: string;
  readonly lines: string[];
}

function wrapped({ first, rest, lines }: Paragraph): string[] {
  // A code span is cut only where it does not fit into any line; the cut counts as a space.
  const words = (lines.join(' ').match(WORD) ?? []).flatMap((word) => (word.length > WIDTH ? word.split(' ') : [word]));
  const result: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of words) {
    const fits = line.length + (isEmpty ? 0 : 1) + word.length <= WIDTH;
    if (!isEmpty && !fits && !BEGINS.test(word)) {
      result.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...result, line];
}

/** A Markdown text with its paragraphs and items of lists wrapped. */
export function wrapMarkdown(text: string): string {
  const result: string[] = [];
  let open: Paragraph | undefined;
  let fence: string | undefined;
  // Where the text of the list's last item begins; 0 outside of lists.
  let indent = 0;
  const close = (): void => {
    if (open !== undefined) result.push(...wrapped(open));
    open = undefined;
  };
  const keep = (line: string): void => {
    close();
    result.push(line);
  };
  for (const line of text.split('\n')) {
    const mark = FENCE.exec(line)?.[1];
    if (fence !== undefined || mark !== undefined) {
      keep(line);
      if (fence === undefined) fence = mark;
      else if (mark !== undefined && mark.startsWith(fence)) fence = undefined;
      continue;
    }
    const item = ITEM.exec(line)?.[1];
    const isIndented = /^\s/.test(line);
    if (line.trim() === '') keep(line);
    else if (VERBATIM.test(line)) {
      keep(line);
      indent = 0;
    } else if (item !== undefined && (open === undefined ? item.search(/\S/) < 4 || indent > 0 : true)) {
      close();
      indent = item.length;
      open = { first: item, rest: ' '.repeat(indent), lines: [line.slice(indent)] };
    } else if (open !== undefined) open.lines.push(line.trim());
    else if (CODE.test(line) && line.search(/\S/) !== indent) keep(line);
    else {
      if (!isIndented) indent = 0;
      const rest = ' '.repeat(line.search(/\S/));
      open = { first: rest, rest, lines: [line.trim()] };
    }
  }
  close();
  return result.join('\n');
}

/** Paths of the Markdown files of the repository. */
export function markdownFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: ROOT });
  return listed
    .toString()
    .trim()
    .split('\n')
    .filter((path) => existsSync(join(ROOT, path)));
}

if (process.argv[1] === import.meta.filename) {
  const isCheck = process.argv.includes('--check');
  for (const path of markdownFiles()) {
    const text = readFileSync(join(ROOT, path), 'utf8');
    const better = wrapMarkdown(text);
    if (better === text) continue;
    if (isCheck) process.exitCode = 1;
    else writeFileSync(join(ROOT, path), better);
    process.stdout.write(`${path}${isCheck ? ': npm run format wraps it' : ''}\n`);
  }
}
