import { existsSync } from 'node:fs';
import { z } from 'zod';
import { badInput, count, isObject, type JsonObject } from '../../core/index.ts';
import { requireWritableFile, writeLinesAtomic } from '../../files/index.ts';
import type { Inference, Ledger, Page, PageRequest } from '../../ledger/index.ts';
import { option } from '../../options/index.ts';
import { OVERWRITE } from '../common-options.ts';
import { defineCommand } from '../frame/command.ts';
import { STORE, withStore } from './store-options.ts';

const PAGE = 200;

const KINDS = [
  'inferences',
  'messages',
  'jobs',
  'events',
  'checkpoints',
  'files',
  'keys',
  'versions',
  'audit',
] as const;
type Kind = (typeof KINDS)[number];

const OPTIONS = z.strictObject({
  store: STORE,
  kind: option(z.enum(KINDS).default('inferences'), {
    help: 'what to write; messages: finished conversations as rows that sft and data convert read',
  }),
  output: option(z.string().min(1).optional(), { help: 'file to write', alias: '-o', usually: 'standard output' }),
  overwrite: OVERWRITE,
});

/** `preftune store export`: what a store keeps, as JSON Lines. */
export const STORE_EXPORT = defineCommand({
  name: 'store export',
  description: 'Writes what a store keeps as JSON Lines: requests and answers, rows to train on, jobs, the audit log',
  examples: [
    { does: 'all that is kept of requests', words: '--store store --output inferences.jsonl' },
    { does: 'rows to train on, where texts were kept', words: '--store store --kind messages --output rows.jsonl' },
  ],
  options: OPTIONS,
  async run({ store, kind, output, overwrite }, { terminal }) {
    await withStore(store, async (ledger) => {
      if (output === undefined) {
        for await (const row of ROWS[kind](ledger)) {
          if (terminal.isJson) terminal.result(row, '');
          else terminal.stream(`${JSON.stringify(row)}\n`);
        }
        return;
      }
      if (existsSync(output) && !overwrite)
        throw badInput({ file: output, message: 'the output must not be there yet; name another, or add --overwrite' });
      requireWritableFile(output);
      const rows = await writeLinesAtomic(output, async (write) => {
        let written = 0;
        for await (const row of ROWS[kind](ledger)) {
          write(JSON.stringify(row));
          written++;
        }
        return written;
      });
      terminal.result({ output, kind, rows }, `${count(rows)} rows in ${output}`);
      if (rows === 0 && kind === 'messages')
        terminal.note('no conversation with texts is kept; serve --log text keeps them');
    });
  },
});

/** All items of a list, page by page. */
async function* all<T extends object>(
  list: (page: PageRequest) => Promise<Page<T>>,
  idOf: (item: T) => string = (item) => (item as { readonly id: string }).id,
): AsyncGenerator<T> {
  for (let after: string | undefined; ;) {
    const { items, hasMore } = await list({ limit: PAGE, order: 'asc', after });
    yield* items;
    if (!hasMore || items.length === 0) return;
    after = idOf(items.at(-1)!);
  }
}

async function* ofJobs<T extends object>(ledger: Ledger, list: (id: string, page: PageRequest) => Promise<Page<T>>) {
  for await (const { id } of all(ledger.jobs.list)) yield* all((page) => list(id, page));
}

const ROWS: Readonly<Record<Kind, (ledger: Ledger) => AsyncIterable<JsonObject>>> = {
  inferences: ({ inferences }) => plain(all(inferences.list)),
  async *messages({ inferences }) {
    for await (const inference of all(inferences.list)) yield* conversations(inference);
  },
  jobs: ({ jobs }) => plain(all(jobs.list)),
  events: (ledger) => plain(ofJobs(ledger, ledger.jobs.events)),
  checkpoints: (ledger) => plain(ofJobs(ledger, ledger.jobs.checkpoints)),
  files: ({ files }) => plain(all(files.list)),
  async *keys({ keys }) {
    for (const record of await keys.list()) yield record as unknown as JsonObject;
  },
  async *versions({ versions }) {
    for (const record of await versions.list()) yield record as unknown as JsonObject;
  },
  audit: ({ audit }) => plain(all(audit.list)),
};

async function* plain(items: AsyncIterable<object>): AsyncGenerator<JsonObject> {
  for await (const item of items) yield item as JsonObject;
}

/** A row for each answer that came to its end: the request's messages and the answer behind them. */
function* conversations(inference: Inference): Generator<JsonObject> {
  const { id, route, status, request, response, requestedModel, versionId, metadata } = inference;
  if (route !== 'chat' || status !== 'complete' || !isObject(request) || !isObject(response)) return;
  const { messages, tools } = request;
  if (!Array.isArray(messages) || !Array.isArray(response.choices)) return;
  for (const [place, choice] of response.choices.entries()) {
    if (!isObject(choice) || !isObject(choice.message)) continue;
    yield {
      id: response.choices.length === 1 ? id : `${id}-${place}`,
      messages: [...messages, choice.message],
      ...(tools === undefined ? {} : { tools }),
      model: requestedModel,
      version: versionId,
      ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
    } as JsonObject;
  }
}
