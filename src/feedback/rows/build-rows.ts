import { createHash, randomBytes } from 'node:crypto';
import { canonicalJson, type JsonObject } from '../../core/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import { candidatesOf, type Candidate } from './candidates.ts';
import { peopleOf, withinCaps } from './caps.ts';
import { readMaterial } from './material.ts';
import { quarantineReasons } from './quarantine.ts';
import { withQuorum } from './quorum.ts';
import {
  fullRowOptions,
  Tally,
  type FeedbackDropReason,
  type FeedbackRowOptions,
  type FullRowOptions,
  type QuarantineReason,
} from './row-options.ts';
import { writeRows, type FeedbackRowKind, type RowLineage, type RowToWrite } from './row-store.ts';

/** What a build came to. Nothing is left out that is not counted here. */
export interface BuildReport {
  /** Signals that stand: what was said anew is not among them. */
  readonly signals: number;
  /** Rows by kind, those in quarantine among them. */
  readonly rows: Readonly<Record<FeedbackRowKind, number>>;
  /** Signals and candidates that became no row, by reason. */
  readonly dropped: Readonly<Partial<Record<FeedbackDropReason, number>>>;
  /** Rows that wait for somebody to look at them, by reason; a row may have several. */
  readonly quarantined: Readonly<Partial<Record<QuarantineReason, number>>>;
  readonly waiting: number;
  /** People (HMACs) that rows come from, and the share of the rows of the one with most. */
  readonly people: number;
  readonly largestPersonShare: number;
}

/** Of each store, the last build that was asked for. */
const builds = new WeakMap<object, Promise<unknown>>();

/**
 * Makes rows of all that was said, by rules that need no new clicks when they change, and writes them with what they came from. One at a time: which rows are current is what the
 * last one made.
 */
export async function buildRows(
  ledger: Pick<Ledger, 'room' | 'inferences'>,
  given: FeedbackRowOptions = {},
): Promise<BuildReport> {
  const options = fullRowOptions(given);
  const { database } = ledger.room;
  const mine = (builds.get(database) ?? Promise.resolve()).then(() => build(ledger, options));
  builds.set(
    database,
    mine.catch(() => undefined),
  );
  return mine;
}

async function build(
  { room, inferences }: Pick<Ledger, 'room' | 'inferences'>,
  options: FullRowOptions,
): Promise<BuildReport> {
  const dropped = new Tally<FeedbackDropReason>();
  const quarantined = new Tally<QuarantineReason>();
  const { said, signals } = await readMaterial({ room, inferences, options, dropped });
  const heard = withQuorum(said, options.quorum, dropped);
  const candidates = withinCaps(candidatesOf(heard, options, dropped), options, dropped);
  const reasons = quarantineReasons(candidates, heard, options);
  const rows = new Map<string, RowToWrite>();
  for (const [place, candidate] of candidates.entries()) {
    const row = rowOf(candidate, reasons[place]!);
    const known = rows.get(row.id);
    rows.set(row.id, known === undefined ? row : joined(known, row));
  }
  for (const row of rows.values()) for (const reason of row.reasons) quarantined.add(reason);
  dropped.add('erased_meanwhile', await writeRows(room, [...rows.values()], randomBytes(9).toString('hex')));
  const counts = { pair: 0, single: 0, completion: 0 };
  const people = new Map<string, number>();
  for (const { kind, lineage } of rows.values()) {
    counts[kind]++;
    for (const person of lineage.users) people.set(person, (people.get(person) ?? 0) + 1);
  }
  return {
    signals,
    rows: counts,
    dropped: dropped.all,
    quarantined: quarantined.all,
    waiting: [...rows.values()].filter((row) => row.reasons.length > 0).length,
    people: people.size,
    largestPersonShare: Math.max(0, ...people.values()) / Math.max(1, rows.size),
  };
}

function rowOf(candidate: Candidate, reasons: readonly QuarantineReason[]): RowToWrite {
  const { kind, source, prompt, promptHash, tools, meta, evidence } = candidate;
  const sides: Record<string, unknown> =
    kind === 'pair'
      ? { chosen: candidate.chosen, rejected: candidate.rejected }
      : kind === 'single'
        ? { completion: candidate.completion, label: candidate.label }
        : { completion: candidate.completion };
  const held = { prompt, ...sides, ...(tools && { tools }) };
  // The hash is of what is learned: a vote more changes a weight, and no id.
  const id = `row-${createHash('sha256')
    .update(canonicalJson({ kind, ...held }))
    .digest('hex')
    .slice(0, 32)}`;
  const { chosenModel, rejectedModel, model, margin, weight } = meta;
  const content = {
    id,
    ...held,
    ...(chosenModel !== undefined && { chosen_model: chosenModel }),
    ...(rejectedModel !== undefined && { rejected_model: rejectedModel }),
    ...(model !== undefined && { model }),
    ...(margin !== undefined && { margin }),
    ...(weight !== undefined && { weight }),
    source: `feedback/${source}`,
  };
  return {
    id,
    kind,
    source,
    promptHash,
    content: JSON.parse(JSON.stringify(content)) as JsonObject,
    reasons,
    lineage: {
      signals: unique(evidence.map(({ signal }) => signal.id)),
      inferences: unique(evidence.flatMap(({ answer, other }) => [answer.inferenceId, other?.inferenceId])),
      users: peopleOf(candidate),
      versions: unique(evidence.flatMap(({ answer, other }) => [answer.versionId, other?.versionId])),
    },
  };
}

function unique(values: readonly (string | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== undefined))];
}

/** The same row from two sources comes from all that either came from; the first one's weight stands. */
function joined(first: RowToWrite, second: RowToWrite): RowToWrite {
  const both = (name: keyof RowLineage): readonly string[] => unique([...first.lineage[name], ...second.lineage[name]]);
  return {
    ...first,
    reasons: [...new Set([...first.reasons, ...second.reasons])],
    lineage: {
      signals: both('signals'),
      inferences: both('inferences'),
      users: both('users'),
      versions: both('versions'),
    },
  };
}
