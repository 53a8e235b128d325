import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { z } from 'zod';
import { badInput, count } from '../../core/index.ts';
import { withColumns } from '../../data/index.ts';
import { diskError } from '../../files/index.ts';
import { locateData } from '../../hub/index.ts';
import { CAMPAIGN_SETTINGS, createLabelling, draftsOf, type Campaign, type Labelling } from '../../labelling/index.ts';
import { openLedger } from '../../ledger/index.ts';
import { option, texts } from '../../options/index.ts';
import { readBuildRows } from '../../pairs/index.ts';
import { SERVE_SETTINGS, startServer, type RunningServer } from '../../serve/index.ts';
import { COLUMNS, FORMAT, LENIENT } from '../common-options.ts';
import { tellFormats } from '../data/data-notes.ts';
import { defineCommand, type CommandContext } from '../frame/command.ts';
import { ownVersion } from '../frame/own-version.ts';
import { resolveLoading } from '../resolve-loading.ts';

const WEEK_MS = 7 * 86_400_000;

const OPTIONS = z.strictObject({
  data: option(texts().optional(), {
    help: 'files, folders or hub ids of rows with two answers or more; may be repeated',
    usually: 'the campaigns that the store has',
  }),
  store: option(z.string().min(1).default('preftune-labels'), {
    help: 'folder for items and votes; made where there is none',
    alias: '-s',
  }),
  name: option(z.string().min(1).max(200).optional(), {
    help: 'the name of the campaign',
    usually: 'that of the first file',
  }),
  guidelines: option(z.string().min(1).optional(), {
    help: 'a file of Markdown that tells people how to choose',
    usually: 'a text of ours',
  }),
  votes: option(z.union([z.int().min(1).max(20), z.literal('adaptive')]).default(1), {
    help: 'people who see each item; adaptive: until they agree, five at most',
  }),
  people: option(z.int().min(0).max(100).default(0), {
    help: 'links to print for others who label, each for one person',
  }),
  host: option(z.string().min(1).default('127.0.0.1'), { help: 'address to listen on' }),
  port: option(z.int().min(0).max(65_535).default(8000), { help: 'port to listen on; 0: any that is free' }),
  format: FORMAT,
  columns: COLUMNS,
  lenient: LENIENT,
});
type LabelOptions = z.output<typeof OPTIONS>;

/** `preftune label`: people compare answers, without a model or a server that is set up. */
export const LABEL = defineCommand({
  name: 'label',
  description: 'Opens a page on which people compare the answers of rows; run again, it goes on where it stopped',
  examples: [
    { does: 'the rows of a file', words: '--data rows.jsonl' },
    { does: 'with two colleagues, until people agree', words: '--data rows.jsonl --votes adaptive --people 2' },
  ],
  options: OPTIONS,
  async run(options, context) {
    const { store, host, port } = options;
    const { terminal, signal, environment } = context;
    // All that is wrong with rows and guidelines is told before a folder is made.
    const rows = await rowsOf(options, context);
    const guidelines = textOf(options.guidelines);
    // What people said is kept for good: the store is theirs, not a server's log.
    const ledger = await openLedger(store, { retention: {} });
    try {
      const labelling = createLabelling(ledger.room);
      const campaign = rows && (await fill(labelling, { ...rows, options, guidelines }, context));
      if ((await labelling.campaigns.list()).length === 0)
        throw badInput(`label: the store ${store} must have a campaign, or --data must name rows; got neither`);
      const server = await startServer({
        settings: SERVE_SETTINGS.parse({ store, host, port }),
        ledger,
        command: [process.execPath, ...process.execArgv, process.argv[1]!],
        environment,
        resolve: resolveLoading(context),
        onNote: terminal.warn,
        version: ownVersion(),
        isClosed: true,
      });
      try {
        await untilStopped(server, { labelling, campaign, options, context });
      } finally {
        await server.close(0);
      }
      const told = await Promise.all((await labelling.campaigns.list()).map((each) => progressLine(labelling, each)));
      if (signal.aborted) terminal.note(`${told.join('; ')}. preftune campaign export --store ${store} takes them out`);
    } finally {
      await ledger.close();
    }
  },
});

type Rows = ReturnType<typeof draftsOf>;

async function rowsOf(
  { data, format, columns, lenient: isLenient }: LabelOptions,
  context: CommandContext,
): Promise<Rows | undefined> {
  if (data === undefined) return undefined;
  const sources = withColumns(await locateData([data].flat(), context), columns);
  const reading = { shape: 'answers', format, isLenient, keepsFields: true } as const;
  const { rows, formats, skipped } = await readBuildRows(sources, reading);
  tellFormats(formats, context.terminal);
  if (skipped > 0) context.terminal.warn(`${count(skipped)} rows were wrong and skipped`);
  const drafts = draftsOf(rows);
  if (drafts.drafts.length > 0) return drafts;
  throw badInput('label: --data must have at least one row with two different answers, got none');
}

function textOf(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw diskError(path, error);
  }
}

interface Filling extends Rows {
  readonly options: LabelOptions;
  readonly guidelines: string | undefined;
}

/** The campaign of the rows: that of the same name where there is one. */
async function fill(
  { campaigns }: Labelling,
  { drafts, equal, options, guidelines }: Filling,
  { terminal }: CommandContext,
): Promise<Campaign> {
  const name = options.name ?? basename([options.data!].flat()[0]!).replace(/\.(jsonl?|csv|tsv|parquet)(\.gz)?$/i, '');
  const overlap =
    options.votes === 'adaptive' ? { kind: 'adaptive' as const } : { kind: 'fixed' as const, votes: options.votes };
  const settings = CAMPAIGN_SETTINGS.parse({ overlap });
  const known = await campaigns.named(name);
  const campaign = known ?? (await campaigns.create({ name, guidelines, settings, actor: 'owner' }));
  if (known !== undefined && guidelines !== undefined) await campaigns.setGuidelines(known.id, guidelines, 'owner');
  if (known !== undefined && JSON.stringify(known.settings.overlap) !== JSON.stringify(settings.overlap))
    terminal.note(`${name} goes on with the votes that it was made with; another --name makes another campaign`);
  const { added, known: there } = await campaigns.addItems(campaign.id, drafts);
  terminal.note(`${name}: ${count(added)} new items${there === 0 ? '' : `, ${count(there)} were there already`}`);
  if (equal.length > 0) {
    const places = equal.slice(0, 5).map(({ file, line }) => `${file}:${line}`);
    terminal.note(
      `${count(equal.length)} left out, since both answers say the same: ${places.join(', ')}${equal.length > 5 ? ', ...' : ''}`,
    );
  }
  return (await campaigns.get(campaign.id))!;
}

async function progressLine(labelling: Labelling, campaign: Campaign): Promise<string> {
  const { items, done, votes } = await labelling.progress(campaign);
  return `${campaign.name}: ${count(done)} of ${count(items)} done, ${count(votes)} votes`;
}

interface Stopping {
  readonly labelling: Labelling;
  readonly campaign: Campaign | undefined;
  readonly options: LabelOptions;
  readonly context: CommandContext;
}

async function untilStopped(
  server: RunningServer,
  { labelling, campaign, options, context: { terminal, signal } }: Stopping,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
  await server.ready;
  terminal.close();
  const page = await server.pageUrl();
  const links: string[] = [];
  for (let i = 0; i < options.people; i++) links.push(await server.inviteUrl(['label'], WEEK_MS));
  const shown = campaign === undefined ? await labelling.campaigns.list() : [campaign];
  const told = await Promise.all(shown.map((each) => progressLine(labelling, each)));
  terminal.result(
    { url: server.url, page, links, store: options.store, campaigns: shown.map(({ id, name }) => ({ id, name })) },
    [
      ...told,
      `${page} signs you in, once, within an hour`,
      ...links.map((link) => `${link} is for one other person, within a week`),
      'Ctrl-C stops; the same command goes on',
    ].join('\n'),
  );
  await stopped;
}
