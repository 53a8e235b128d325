import { existsSync } from 'node:fs';
import { z } from 'zod';
import { badInput, count, shownValue, table, writeExactJson, type JsonValue } from '../../core/index.ts';
import { requireWritableFile, writeLinesAtomic } from '../../files/index.ts';
import {
  createLabelling,
  LABEL_EXPORTS,
  type Campaign,
  type LabelFigure,
  type Labelling,
  type LeftOut,
} from '../../labelling/index.ts';
import { option, present } from '../../options/index.ts';
import { VOTE_LABELS } from '../../pairs/index.ts';
import { OVERWRITE } from '../common-options.ts';
import { defineCommand } from '../frame/command.ts';
import { STORE, withStore } from '../store/store-options.ts';

const MOST_COLUMNS = 1000;

const CAMPAIGN_NAME = option(z.string().min(1).optional(), {
  help: 'name or id of the campaign',
  usually: 'the only one',
});

async function chosen({ campaigns }: Labelling, wanted: string | undefined): Promise<Campaign> {
  const all = await campaigns.list();
  const found =
    wanted === undefined
      ? all.length === 1
        ? all[0]
        : undefined
      : all.find(({ id, name }) => id === wanted || name === wanted);
  if (found !== undefined) return found;
  const names = all.map(({ name }) => name).join(', ') || 'none; preftune label makes one';
  throw badInput({
    path: 'campaign',
    message: `--campaign must be one that the store has (${names}), got ${wanted === undefined ? 'none' : shownValue(wanted)}`,
  });
}

/** `preftune campaign list`: what people compare, and how far it is. */
export const CAMPAIGN_LIST = defineCommand({
  name: 'campaign list',
  description: 'Lists the campaigns of a store: items, votes, what waits for a decision',
  examples: [
    { does: 'all of them', words: '--store preftune-labels' },
    { does: 'for a program', words: '--store preftune-labels --json' },
  ],
  options: z.strictObject({ store: STORE }),
  async run({ store }, { terminal }) {
    await withStore(store, async ({ room }) => {
      const labelling = createLabelling(room);
      const campaigns = await labelling.campaigns.list();
      const progress = await Promise.all(campaigns.map((campaign) => labelling.progress(campaign)));
      const rows = campaigns.map(({ id, name, isOpen }, i) => {
        const { items, done, votes, byStatus } = progress[i]!;
        const waiting = (byStatus.disputed ?? 0) + (byStatus.held ?? 0);
        return [
          name,
          isOpen ? 'open' : 'closed',
          `${count(done)} of ${count(items)} done`,
          `${count(votes)} votes`,
          `${count(waiting)} to decide`,
          id,
        ];
      });
      const told = campaigns.map(({ id, name, isOpen }, i) => ({ id, name, isOpen, ...progress[i]! }));
      terminal.result(
        told as unknown as JsonValue,
        rows.length === 0 ? 'no campaigns; preftune label makes one' : table(rows, MOST_COLUMNS).join('\n'),
      );
    });
  },
});

/** `preftune campaign export`: votes and what is made of them. */
export const CAMPAIGN_EXPORT = defineCommand({
  name: 'campaign export',
  description: 'Writes what people said as JSON Lines: votes, pairs for dpo, demonstrations for sft',
  examples: [
    { does: 'pairs for dpo', words: '--store preftune-labels --format pairs --output pairs.jsonl' },
    { does: 'every vote with its notes, skips and edits', words: '--store preftune-labels --output votes.jsonl' },
  ],
  options: z.strictObject({
    store: STORE,
    campaign: CAMPAIGN_NAME,
    format: option(z.enum(LABEL_EXPORTS).default('votes'), { help: 'what to write (docs/labelling.md)' }),
    labels: option(z.enum(VOTE_LABELS).optional(), {
      help: 'of pairs; hard: the majority; weighted: weight 2p - 1; soft: both directions',
      usually: 'hard',
    }),
    minVotes: option(z.int().min(1).optional(), { help: 'of pairs: fewest votes on an item', usually: '1' }),
    minAgreement: option(z.number().gt(0.5).max(1).optional(), {
      help: 'of pairs: share of votes that the winner needs',
      usually: 'any majority',
    }),
    output: option(z.string().min(1).optional(), { help: 'file to write', alias: '-o', usually: 'standard output' }),
    overwrite: OVERWRITE,
  }),
  check: ({ format, labels, minVotes, minAgreement }) =>
    format !== 'pairs' && (labels ?? minVotes ?? minAgreement) !== undefined
      ? [
          {
            path: 'format',
            message: `--labels, --min-votes and --min-agreement go with --format pairs, got ${format}; leave them out`,
          },
        ]
      : [],
  async run({ store, campaign: wanted, format, output, overwrite, ...rest }, { terminal }) {
    await withStore(store, async ({ room }) => {
      const labelling = createLabelling(room);
      const campaign = await chosen(labelling, wanted);
      const leftOut: LeftOut = {};
      const { labels, minVotes, minAgreement } = rest;
      const rows = labelling.export(campaign, {
        format,
        leftOut,
        ...present({ labels, minVotes, minAgreement }),
      });
      const told = (): string[] => Object.entries(leftOut).map(([reason, n]) => `${reason} ${count(n)}`);
      if (output === undefined) {
        for await (const row of rows) {
          if (terminal.isJson) terminal.result(row, '');
          else terminal.stream(`${writeExactJson(row)}\n`);
        }
        if (told().length > 0) terminal.note(`left out: ${told().join(', ')}`);
        return;
      }
      if (existsSync(output) && !overwrite)
        throw badInput({ file: output, message: 'the output must not be there yet; name another, or add --overwrite' });
      requireWritableFile(output);
      const written = await writeLinesAtomic(output, async (write) => {
        let n = 0;
        for await (const row of rows) {
          write(writeExactJson(row));
          n++;
        }
        return n;
      });
      terminal.result(
        { output, format, campaign: campaign.name, rows: written, leftOut },
        [`${count(written)} rows in ${output}`, ...(told().length > 0 ? [`left out: ${told().join(', ')}`] : [])].join(
          '\n',
        ),
      );
    });
  },
});

/** `preftune campaign panel`: whether what people say can be trusted. */
export const CAMPAIGN_PANEL = defineCommand({
  name: 'campaign panel',
  description: 'Shows how people label: agreement, known answers, sides, lengths, time, with 95 % intervals',
  examples: [
    { does: 'of the only campaign', words: '--store preftune-labels' },
    { does: 'of one of several, for a program', words: '--store preftune-labels --campaign tone --json' },
  ],
  options: z.strictObject({ store: STORE, campaign: CAMPAIGN_NAME }),
  async run({ store, campaign: wanted }, { terminal }) {
    await withStore(store, async ({ room }) => {
      const labelling = createLabelling(room);
      const campaign = await chosen(labelling, wanted);
      const panel = await labelling.panel(campaign);
      const { items, done, votes, hoursLeft } = panel.progress;
      const rows = [
        ['done', `${count(done)} of ${count(items)} items, ${count(votes)} votes`],
        ['time of a vote', panel.medianSeconds === null ? '-' : `${panel.medianSeconds.toFixed(1)} s (median)`],
        ['time left', hoursLeft === null ? '-' : `${hoursLeft.toFixed(1)} hours of one person`],
        ["Krippendorff's alpha", figure(panel.alpha)],
        ['alpha of the five grades', figure(panel.alphaOfGrades)],
        ['right on known items', figure(panel.goldAccuracy)],
        ['the same when asked again', figure(panel.selfAgreement)],
        ['the left one chosen', figure(panel.leftShare)],
        ['the longer one chosen', figure(panel.longerShare)],
        ...panel.kappas.map(({ a, b, kappa }) => [`kappa of ${a.slice(0, 8)} and ${b.slice(0, 8)}`, figure(kappa)]),
        ...panel.judges.map(({ judge, agreement }) => [`${judge} says what most say`, figure(agreement)]),
      ];
      terminal.result(
        { campaign: campaign.name, ...panel } as unknown as JsonValue,
        table(rows, MOST_COLUMNS).join('\n'),
      );
    });
  },
});

function figure({ estimate, interval, of }: LabelFigure): string {
  if (estimate === null) return `- (of ${of})`;
  const range = interval === null ? '' : ` [${interval.low.toFixed(2)}, ${interval.high.toFixed(2)}]`;
  return `${estimate.toFixed(2)}${range} (of ${count(of)})`;
}
