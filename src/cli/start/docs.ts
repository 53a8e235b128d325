import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { badInput, wrap } from '../../core/index.ts';
import { writeFolderAtomic } from '../../files/index.ts';
import {
  indexSections,
  manualSite,
  readManual,
  renderManualPage,
  searchSections,
  serveSite,
  type ManualHit,
} from '../../manual/index.ts';
import { option } from '../../options/index.ts';
import { defineCommand, type CommandContext } from '../frame/command.ts';

/** Sections that a search in the terminal prints. */
const HITS = 5;

const OPTIONS = z.strictObject({
  port: option(z.int().min(0).max(65535).default(0), { help: 'port of 127.0.0.1; 0 takes one that is free' }),
  open: option(z.boolean().default(true), { help: 'open the browser, where the command runs in a terminal' }),
  output: option(z.string().min(1).optional(), {
    help: 'write the site as files into this folder, new or empty, instead of serving it',
    alias: '-o',
  }),
});
type DocsOptions = z.output<typeof OPTIONS>;

/** `preftune docs`: this version's documentation in a browser, with search, offline; with words, what it says of them. */
export const DOCS = defineCommand({
  name: 'docs',
  description: 'Shows the documentation in a browser, offline, or searches it for words',
  arguments: [{ name: 'words', help: 'print the sections that have these words', isVariadic: true }],
  examples: [
    { does: 'all pages in a browser', words: '' },
    { does: 'what they say of stopping early', words: 'early stopping' },
  ],
  options: OPTIONS,
  check: ({ output }, { args, given }) => [
    ...(args.length === 0
      ? []
      : (['port', 'open', 'output'] as const)
          .filter((name) => given[name] !== undefined)
          .map((path) => ({ path, message: `--${path} has no effect with words to search for; leave it out` }))),
    ...(output === undefined
      ? []
      : (['port', 'open'] as const)
          .filter((name) => given[name] !== undefined)
          .map((path) => ({ path, message: `--${path} has no effect with --output; leave it out` }))),
  ],
  async run(options, context) {
    if (context.args.length > 0) printHits(context.args.join(' '), context);
    else if (options.output !== undefined) await writeSite(resolve(options.output), context);
    else await serve(options, context);
  },
});

function printHits(words: string, { terminal }: CommandContext): void {
  const pages = readManual();
  const files = new Map(pages.map(({ name, file }) => [name, file]));
  const index = indexSections(pages.flatMap((page) => renderManualPage(page, pages).sections));
  const hits = searchSections(index, words, HITS);
  if (hits.length === 0)
    throw badInput(`docs: no section has the words ${words}; preftune docs opens the documentation in a browser`);
  const place = ({ page, anchor }: ManualHit): string => `${files.get(page)!}${anchor === '' ? '' : `#${anchor}`}`;
  terminal.result(
    { hits: hits.map((hit) => ({ place: place(hit), title: hit.title, page: hit.pageTitle, text: hit.text })) },
    hits.map((hit) => hitText(hit, place(hit), terminal.columns)).join('\n\n'),
  );
}

/** Lines of a section that are printed. */
const LINES = 8;

function hitText({ title, text }: ManualHit, place: string, columns: number): string {
  const lines = text
    .split('\n')
    .flatMap((line) => wrap(line, columns - 2))
    .filter((line) => line.trim() !== '');
  const shown = lines.slice(0, LINES).map((line) => `  ${line}`);
  return [`${title} (${place})`, ...shown, ...(lines.length > LINES ? ['  ...'] : [])].join('\n');
}

async function writeSite(output: string, { terminal }: CommandContext): Promise<void> {
  const files = manualSite(readManual());
  await writeFolderAtomic(output, async (folder) => {
    for (const [name, content] of files) writeFileSync(join(folder, name), content);
  });
  terminal.result({ output, files: files.size }, `${files.size} files: ${join(output, 'index.html')}`);
}

async function serve({ port, open }: DocsOptions, { terminal, signal }: CommandContext): Promise<void> {
  const site = await serveSite(manualSite(readManual()), port);
  terminal.result({ url: site.url }, `documentation: ${site.url} (Ctrl-C ends)`);
  if (open && process.stdout.isTTY) openBrowser(site.url);
  await new Promise<void>((ended) => {
    if (signal.aborted) ended();
    else signal.addEventListener('abort', () => ended(), { once: true });
  });
  await site.close();
}

/** Opens the system's browser where there is one; the printed address is enough where there is none. */
function openBrowser(url: string): void {
  const [command, ...words] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', url]
        : ['xdg-open', url];
  const child = spawn(command!, words, { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
