import { existsSync } from 'node:fs';
import { z } from 'zod';
import { badInput, count, table, type JsonObject, type JsonValue } from '../../core/index.ts';
import {
  answerFeedbackRequest,
  dropLines,
  FEEDBACK_ROW_KINDS,
  openFeedback,
  ROW_STATES,
  SIGNAL_KINDS,
  WEAK_KINDS,
  type BuildReport,
  type FeedbackRequest,
  type FeedbackRow,
  type SignalRecord,
} from '../../feedback/index.ts';
import { requireWritableFile, writeLinesAtomic } from '../../files/index.ts';
import { readPrompts } from '../../generate/index.ts';
import { locateData } from '../../hub/index.ts';
import { askHolder, isHeld, type Page, type StoreRequest } from '../../ledger/index.ts';
import { option, present } from '../../options/index.ts';
import { OVERWRITE } from '../common-options.ts';
import { defineCommand, type CommandContext } from '../frame/command.ts';
import { STORE, withStore } from '../store/store-options.ts';

/** Who acts by the commands. */
const ACTOR = 'owner';
const PAGE = 100;
const DAY_MS = 86_400_000;

type Ask = <T>(request: FeedbackRequest) => Promise<T>;

/** Asks the server that has the store, or does it here where none has. */
async function asking<T>(store: string, work: (ask: Ask) => Promise<T>): Promise<T> {
  if (isHeld(store))
    return work(async <A>(request: FeedbackRequest) => {
      const asked = { do: 'room', room: 'feedback', request } as StoreRequest;
      return (await askHolder(store, asked)) as unknown as A;
    });
  return withStore(store, (ledger) => {
    const feedback = openFeedback(ledger);
    return work(
      async <A>(request: FeedbackRequest) => (await answerFeedbackRequest(feedback, request)) as unknown as A,
    );
  });
}

const whole = z.int().min(1);

/** `preftune feedback list`: what came. */
export const FEEDBACK_LIST = defineCommand({
  name: 'feedback list',
  description: 'Lists what people said of answers, the newest first, also while a server works on the store',
  examples: [
    { does: 'the last twenty', words: '--store team' },
    { does: 'edits of the last week, for a program', words: '--store team --kind edit --days 7 --json' },
  ],
  options: z.strictObject({
    store: STORE,
    kind: option(z.enum(SIGNAL_KINDS).optional(), { help: 'what was said', usually: 'all kinds' }),
    model: option(z.string().min(1).optional(), { help: 'the name that requests asked for', usually: 'all' }),
    user: option(z.string().min(1).optional(), { help: 'who said it, as requests name users', usually: 'all' }),
    days: option(whole.optional(), { help: 'of the last days alone', usually: 'all that is kept' }),
    current: option(z.boolean().default(false), { help: 'leave out what was said anew' }),
    limit: option(whole.default(20), { help: 'most of them', alias: '-n' }),
  }),
  async run({ store, kind, model, user, days, current, limit }, { terminal }) {
    const items = await asking(store, async (ask) => {
      const found: SignalRecord[] = [];
      for (let after: string | undefined; found.length < limit;) {
        const page: Page<SignalRecord> = await ask({
          act: 'list',
          limit: Math.min(PAGE, limit - found.length),
          order: 'desc',
          ...present({
            kind,
            model,
            user,
            after,
            since: days === undefined ? undefined : Date.now() - days * DAY_MS,
            isCurrent: current ? true : undefined,
          }),
        });
        found.push(...page.items);
        if (!page.hasMore) break;
        after = page.items.at(-1)!.id;
      }
      return found;
    });
    const lines = items.map((signal) => [
      new Date(signal.createdAt).toISOString().slice(0, 19).replace('T', ' '),
      signal.kind,
      saidIn(signal),
      signal.answer?.inferenceId ?? signal.episodeId ?? '',
      signal.model,
      signal.isCurrent ? '' : 'said anew',
    ]);
    terminal.result(
      items as unknown as JsonValue,
      items.length === 0 ? 'no feedback' : table(lines, terminal.columns).join('\n'),
    );
  },
});

function saidIn({ kind, name, value, word, text }: SignalRecord): string {
  const shown = text?.replaceAll(/\s+/g, ' ').slice(0, 60);
  if (kind === 'outcome') return `${name ?? ''} ${value ?? ''}`;
  if (kind === 'thumb' || kind === 'accept') return value === undefined ? 'taken back' : value === 1 ? 'up' : 'down';
  return shown ?? word ?? (value === undefined ? '' : String(value));
}

const ROW_OPTIONS = z.strictObject({
  store: STORE,
  kind: option(z.enum(FEEDBACK_ROW_KINDS).default('pair'), {
    help: 'pair: better and worse answer (dpo); single: found good or bad (dpo --loss kto); completion: to learn (sft)',
  }),
  output: option(z.string().min(1).optional(), {
    help: 'file to write (JSON Lines)',
    alias: '--out',
    usually: 'none: only says what there is',
  }),
  overwrite: OVERWRITE,
  maxPerUser: option(whole.default(100), { help: 'rows of one person at most, the newest' }),
  maxPerPrompt: option(whole.default(8), { help: 'rows of one prompt at most, the newest' }),
  quorum: option(whole.default(3), { help: 'episodes that must say the same where a page says it of nobody known' }),
  maxAge: option(z.int().min(0).default(2), { help: 'versions behind the newest from which rows still come' }),
  minMargin: option(z.number().min(0).default(1), { help: 'how far ratings must be apart, in stars of five' }),
  requireConsent: option(z.boolean().default(false), { help: 'only what has consent: training in its metadata' }),
  weak: option(z.array(z.string().min(1)).min(1).optional(), {
    help: `KIND=WEIGHT of weak signals that count: ${WEAK_KINDS.join(', ')}`,
    usually: 'none counts',
  }),
  heldOut: option(z.array(z.string().min(1)).min(1).optional(), {
    help: 'files with prompts that are measured with: no row comes from them, now or later',
  }),
});

/** `preftune feedback rows`: what was said, as rows. */
export const FEEDBACK_ROWS = defineCommand({
  name: 'feedback rows',
  description: 'Makes rows to train on of what people said, writes them, and says what became none and why',
  examples: [
    { does: 'pairs for dpo', words: '--store team --output rows.jsonl' },
    { does: 'single answers for dpo --loss kto', words: '--store team --kind single --output thumbs.jsonl' },
    { does: 'what there is, and why not more', words: '--store team --json' },
  ],
  options: ROW_OPTIONS,
  check: ({ weak }) =>
    (weak ?? []).flatMap((word) =>
      weightOf(word) === undefined
        ? [
            {
              path: 'weak',
              message: `--weak must be KIND=WEIGHT, a kind of ${WEAK_KINDS.join(', ')} and a weight in (0, 1], got ${word}`,
            },
          ]
        : [],
    ),
  async run({ store, kind, output, overwrite, weak, heldOut, requireConsent, ...rules }, context) {
    const { terminal } = context;
    if (output !== undefined && existsSync(output) && !overwrite)
      throw badInput({ file: output, message: 'the output must not be there yet; name another, or add --overwrite' });
    if (output !== undefined) requireWritableFile(output);
    const prompts = heldOut === undefined ? [] : await promptsOf(heldOut, context);
    const { report, written } = await asking(store, async (ask) => {
      if (prompts.length > 0) await ask({ act: 'holdOut', prompts: prompts as never, reason: 'feedback rows' });
      const weights = Object.fromEntries((weak ?? []).map((word) => weightOf(word)!));
      const options = { ...rules, requiresConsent: requireConsent, weak: weights };
      const built: BuildReport = await ask({ act: 'build', options });
      const rows =
        output === undefined
          ? 0
          : await writeLinesAtomic(output, async (write) => {
              let lines = 0;
              for await (const { content } of usableRows(ask, kind)) {
                write(JSON.stringify(content));
                lines++;
              }
              return lines;
            });
      return { report: built, written: rows };
    });
    terminal.result(
      { ...(report as unknown as JsonObject), ...(output !== undefined && { output, kind, written }) },
      reportText(report, output === undefined ? undefined : `${output}: ${count(written)} of the kind ${kind}`),
    );
  },
});

function weightOf(word: string): readonly [string, number] | undefined {
  const [kind = '', weight = ''] = word.split('=');
  const number = Number(weight);
  return (WEAK_KINDS as readonly string[]).includes(kind) && weight !== '' && number > 0 && number <= 1
    ? [kind, number]
    : undefined;
}

async function promptsOf(files: readonly string[], context: CommandContext): Promise<unknown[]> {
  const prompts: unknown[] = [];
  for (const source of await locateData(files, context))
    for (const { content } of await readPrompts(source, { onNote: context.terminal.note })) prompts.push(content);
  return prompts;
}

async function* usableRows(ask: Ask, kind: FeedbackRow['kind']): AsyncGenerator<FeedbackRow> {
  for (let after: string | undefined; ;) {
    const page: Page<FeedbackRow> = await ask({ act: 'rows', kind, limit: PAGE, order: 'asc', ...present({ after }) });
    yield* page.items.filter(({ state }) => state === 'ready' || state === 'approved');
    if (!page.hasMore) return;
    after = page.items.at(-1)!.id;
  }
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function reportText(report: BuildReport, file: string | undefined): string {
  const { signals, rows, dropped, quarantined, waiting, people, largestPersonShare } = report;
  return [
    `signals: ${count(signals)}; pairs: ${count(rows.pair)}, single answers: ${count(rows.single)}, answers to learn: ${count(rows.completion)}`,
    ...(people === 0
      ? []
      : [`people: ${count(people)}; the most rows of one are ${Math.round(largestPersonShare * 100)} %`]),
    ...(Object.keys(dropped).length === 0 ? [] : ['became no row:', ...indented(dropLines(dropped))]),
    ...(waiting === 0
      ? []
      : [
          `wait for somebody to look at them (preftune feedback review): ${count(waiting)}`,
          ...indented(dropLines(quarantined)),
        ]),
    ...(file === undefined ? [] : [file]),
  ].join('\n');
}

/** `preftune feedback review`: rows that wait. */
export const FEEDBACK_REVIEW = defineCommand({
  name: 'feedback review',
  description: 'Shows the rows that wait for somebody to look at them, and approves or rejects those that are named',
  arguments: [
    { name: 'ids', help: 'rows to decide on; none: shows those that wait', isRequired: false, isVariadic: true },
  ],
  examples: [
    { does: 'what waits', words: '--store team' },
    { does: 'two of them are good', words: 'row-0123 row-4567 --store team --approve' },
    { does: 'one is not', words: 'row-89ab --store team --reject --note "says what its prompt says"' },
  ],
  options: z.strictObject({
    store: STORE,
    approve: option(z.boolean().default(false), { help: 'train on them' }),
    reject: option(z.boolean().default(false), { help: 'never train on them' }),
    note: option(z.string().min(1).max(1000).optional(), { help: 'why, for the audit log' }),
    state: option(z.enum(ROW_STATES).default('quarantined'), { help: 'which rows to show' }),
    limit: option(whole.max(200).default(20), { help: 'most of them', alias: '-n' }),
  }),
  check: ({ approve, reject }) =>
    approve && reject ? [{ path: 'approve', message: '--approve must not stand beside --reject; leave one out' }] : [],
  async run({ store, approve, reject, note, state, limit }, { args, terminal }) {
    if (args.length > 0 && !approve && !reject)
      throw badInput('feedback review: rows are named, and nothing is decided; add --approve or --reject');
    if (args.length === 0 && (approve || reject))
      throw badInput('feedback review: must name the rows to decide on; preftune feedback review shows their ids');
    if (args.length === 0) {
      const { items, hasMore } = await asking(store, (ask) =>
        ask<Page<FeedbackRow>>({ act: 'rows', state, limit, order: 'asc' }),
      );
      terminal.result(
        items as unknown as JsonValue,
        items.length === 0 ? 'no row waits' : items.map(rowText).join('\n\n'),
      );
      if (hasMore) terminal.note('there are more; --limit shows them');
      return;
    }
    const verdict = approve ? 'approved' : 'rejected';
    const missing = await asking(store, (ask) =>
      ask<readonly string[]>({ act: 'review', ids: [...args], verdict, actor: ACTOR, ...present({ note }) }),
    );
    const done = args.filter((id) => !missing.includes(id));
    if (done.length > 0) terminal.result({ [verdict]: done }, `${verdict}: ${done.join(', ')}`);
    if (missing.length > 0) throw badInput(`feedback review: must be ids of rows, got ${missing.join(', ')}`);
  },
});

function rowText({ id, kind, source, reasons, content }: FeedbackRow): string {
  const part = (name: string): string[] => {
    const value = content[name];
    if (value === undefined) return [];
    const text = Array.isArray(value)
      ? value.map((turn) => String((turn as JsonObject).content ?? '')).join(' | ')
      : String(value);
    return [`  ${name}: ${text.replaceAll(/\s+/g, ' ').slice(0, 300)}`];
  };
  return [
    `${id} ${kind} of ${source}${reasons.length === 0 ? '' : `: ${reasons.join(', ')}`}`,
    ...['prompt', 'chosen', 'rejected', 'completion', 'label'].flatMap(part),
  ].join('\n');
}
