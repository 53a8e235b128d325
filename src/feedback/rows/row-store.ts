import { z } from 'zod';
import type { JsonObject } from '../../core/index.ts';
import { parseRows, requiredSql, sql, type SqlRow, type SqlStatement, type SqlValue } from '../../database/index.ts';
import { readPage, type LedgerRoom, type Page, type PageRequest } from '../../ledger/index.ts';
import type { QuarantineReason } from './row-options.ts';

export const FEEDBACK_ROW_KINDS = ['pair', 'single', 'completion'] as const;
export type FeedbackRowKind = (typeof FEEDBACK_ROW_KINDS)[number];
export const ROW_STATES = ['ready', 'quarantined', 'approved', 'rejected'] as const;
export type RowState = (typeof ROW_STATES)[number];

/** Where a row comes from, all of it. People are HMACs. */
export interface RowLineage {
  readonly signals: readonly string[];
  readonly inferences: readonly string[];
  readonly users: readonly string[];
  readonly versions: readonly string[];
}

/** A row that was made of feedback. */
export interface FeedbackRow {
  /** `row-` and a hash of what it holds: the same row is the same id, in every store. */
  readonly id: string;
  readonly createdAt: number;
  readonly kind: FeedbackRowKind;
  readonly source: string;
  readonly promptHash: string;
  /** The record, as `preftune dpo --data` and `sft --data` read it. */
  readonly content: JsonObject;
  readonly state: RowState;
  /** Why it should be looked at. */
  readonly reasons: readonly QuarantineReason[];
  /** The last build made it; otherwise what it came from was said anew, or the rules changed. */
  readonly isCurrent: boolean;
  readonly reviewedAt?: number | undefined;
  readonly reviewer?: string | undefined;
  readonly note?: string | undefined;
}

const ROW = z.object({
  id: z.string(),
  created_at: z.int(),
  kind: z.enum(FEEDBACK_ROW_KINDS),
  source: z.string(),
  prompt_hash: z.string(),
  content: z.string(),
  state: z.enum(ROW_STATES),
  reasons: z.string(),
  is_current: z.int(),
  reviewed_at: z.int().nullable(),
  reviewer: z.string().nullable(),
  note: z.string().nullable(),
});

function parseFeedbackRows(rows: readonly SqlRow[]): FeedbackRow[] {
  return parseRows(ROW, rows).map((row) => ({
    id: row.id,
    createdAt: row.created_at,
    kind: row.kind,
    source: row.source,
    promptHash: row.prompt_hash,
    content: JSON.parse(row.content) as JsonObject,
    state: row.state,
    reasons: JSON.parse(row.reasons) as readonly QuarantineReason[],
    isCurrent: row.is_current === 1,
    reviewedAt: row.reviewed_at ?? undefined,
    reviewer: row.reviewer ?? undefined,
    note: row.note ?? undefined,
  }));
}

export interface RowToWrite extends Pick<FeedbackRow, 'id' | 'kind' | 'source' | 'promptHash' | 'content' | 'reasons'> {
  readonly lineage: RowLineage;
}

const CHUNK = 200;

/** Writes the rows of a build, each with its lineage or not at all. Returns how many could not be, since what they came from was erased meanwhile. */
export async function writeRows(room: LedgerRoom, rows: readonly RowToWrite[], build: string): Promise<number> {
  let lost = 0;
  for (let at = 0; at < rows.length; at += CHUNK) {
    const written = await Promise.all(
      rows.slice(at, at + CHUNK).map((row) => room.database.write(statementsOf(row, room.now(), build))),
    );
    lost += written.filter((results) => results === undefined).length;
  }
  await room.database.write([
    sql('UPDATE feedback_rows SET is_current = 0 WHERE is_current = 1 AND build_id <> ?', build),
  ]);
  return lost;
}

function statementsOf({ id, lineage, ...row }: RowToWrite, now: number, build: string): SqlStatement[] {
  const refs = [
    ...lineage.signals.map((ref) => ['signal', ref] as const),
    ...lineage.inferences.map((ref) => ['inference', ref] as const),
    ...lineage.users.map((ref) => ['user', ref] as const),
    ...lineage.versions.map((ref) => ['version', ref] as const),
  ];
  return [
    requiredSql(
      `INSERT INTO feedback_rows (id, created_at, kind, source, prompt_hash, content, state, reasons, is_current, build_id)
       SELECT ?, ?, ?, ?, ?, ?, ?, ?, 1, ?
       WHERE NOT EXISTS (SELECT 1 FROM json_each(?) AS needed WHERE NOT EXISTS (SELECT 1 FROM signals WHERE id = needed.value))
         AND NOT EXISTS (SELECT 1 FROM json_each(?) AS needed WHERE NOT EXISTS (SELECT 1 FROM inferences WHERE id = needed.value))
       ON CONFLICT (id) DO UPDATE SET source = excluded.source, content = excluded.content, reasons = excluded.reasons, is_current = 1,
         build_id = excluded.build_id,
         state = CASE WHEN feedback_rows.state IN ('approved', 'rejected') THEN feedback_rows.state ELSE excluded.state END`,
      id,
      now,
      row.kind,
      row.source,
      row.promptHash,
      JSON.stringify(row.content),
      row.reasons.length === 0 ? 'ready' : 'quarantined',
      JSON.stringify(row.reasons),
      build,
      JSON.stringify(lineage.signals),
      JSON.stringify(lineage.inferences),
    ),
    sql('DELETE FROM row_lineage WHERE row_id = ?', id),
    ...refs.map(([kind, ref]) =>
      sql('INSERT OR IGNORE INTO row_lineage (kind, ref, row_id) VALUES (?, ?, ?)', kind, ref, id),
    ),
  ];
}

/** What is listed; every condition that is given must hold. */
export interface RowFilter {
  readonly kind?: FeedbackRowKind | undefined;
  readonly state?: RowState | undefined;
  readonly isCurrent?: boolean | undefined;
}

export function listRows(room: LedgerRoom, filter: RowFilter, page: PageRequest): Promise<Page<FeedbackRow>> {
  const where: string[] = [];
  const values: SqlValue[] = [];
  const add = (condition: string, value: SqlValue | undefined): void => {
    if (value === undefined) return;
    where.push(condition);
    values.push(value);
  };
  add('feedback_rows.state = ?', filter.state);
  add(filter.state === undefined ? 'feedback_rows.kind = ?' : '+feedback_rows.kind = ?', filter.kind);
  if (filter.isCurrent === true) where.push('feedback_rows.is_current = 1');
  if (filter.isCurrent === false) where.push('+feedback_rows.is_current = 0');
  const query = {
    table: 'feedback_rows',
    select: 'SELECT feedback_rows.* FROM feedback_rows',
    seq: 'feedback_rows.seq',
    where,
    values,
  };
  return readPage(room.database, query, page, parseFeedbackRows);
}

export async function getRow(
  room: LedgerRoom,
  id: string,
): Promise<(FeedbackRow & { readonly lineage: RowLineage }) | undefined> {
  const [rows, refs] = await room.database.readAll([
    sql('SELECT * FROM feedback_rows WHERE id = ?', id),
    sql('SELECT kind, ref FROM row_lineage WHERE row_id = ? ORDER BY kind, ref', id),
  ]);
  const [row] = parseFeedbackRows(rows!);
  if (row === undefined) return undefined;
  const of = (kind: string): string[] => refs!.filter((one) => one.kind === kind).map(({ ref }) => String(ref));
  return {
    ...row,
    lineage: { signals: of('signal'), inferences: of('inference'), users: of('user'), versions: of('version') },
  };
}

/** Approves or rejects rows, each with an entry of the audit log. Returns the ids that are no rows. */
export async function reviewRows(
  room: LedgerRoom,
  ids: readonly string[],
  {
    verdict,
    actor,
    note,
  }: { readonly verdict: 'approved' | 'rejected'; readonly actor: string; readonly note?: string | undefined },
): Promise<readonly string[]> {
  const missing: string[] = [];
  const cleaned = note === undefined ? undefined : room.cleanText(note);
  for (const id of new Set(ids)) {
    const results = await room.audit(
      {
        actor,
        action: `feedback.row.${verdict === 'approved' ? 'approve' : 'reject'}`,
        subject: id,
        ...(cleaned !== undefined && { detail: { note: cleaned } }),
      },
      [
        requiredSql(
          'UPDATE feedback_rows SET state = ?, reviewed_at = ?, reviewer = ?, note = ? WHERE id = ?',
          verdict,
          room.now(),
          actor,
          cleaned,
          id,
        ),
      ],
    );
    if (results === undefined) missing.push(id);
  }
  return missing;
}

/** A row as it is told over HTTP. */
export function rowObject(row: FeedbackRow): JsonObject {
  return {
    id: row.id,
    object: 'preftune.row',
    created_at: row.createdAt / 1000,
    kind: row.kind,
    source: row.source,
    prompt_hash: row.promptHash,
    content: row.content,
    state: row.state,
    reasons: [...row.reasons],
    is_current: row.isCurrent,
    reviewed_at: row.reviewedAt === undefined ? null : row.reviewedAt / 1000,
    reviewer: row.reviewer ?? null,
    note: row.note ?? null,
  };
}
