import { createHash, randomBytes } from 'node:crypto';
import { badInput, type JsonObject } from '../core/index.ts';
import { sql, type SqlStatement } from '../database/index.ts';
import { openFeedback, type BuildReport, type FeedbackRowKind, type FeedbackRowOptions } from '../feedback/index.ts';
import type { Ledger } from '../ledger/index.ts';

/** The rows that a training begins from, as they were at one moment. */
export interface Snapshot {
  /** `snap_...` */
  readonly id: string;
  readonly createdAt: number;
  /** SHA-256 of the rows' ids in order, which are hashes of what the rows hold. */
  readonly digest: string;
  readonly kind: FeedbackRowKind;
  readonly rows: number;
  /** Beside the snapshot before of the same kind: rows that came, and rows that went. */
  readonly added: number;
  readonly removed: number;
  /** The share of the rows of the person with most. */
  readonly largestPersonShare: number;
  readonly build: BuildReport;
}

export interface SnapshotOptions {
  readonly kind?: FeedbackRowKind | undefined;
  readonly rules?: FeedbackRowOptions | undefined;
}

const CHUNK = 500;

/**
 * Makes rows of the feedback that stands and keeps which they are. Returns them with the snapshot, in order of their ids, so that the same rows are the same file.
 * Throws bad-input where there are none: then nothing is kept.
 */
export async function takeSnapshot(
  ledger: Pick<Ledger, 'room' | 'log' | 'inferences'>,
  { kind = 'pair', rules }: SnapshotOptions = {},
): Promise<{ readonly snapshot: Snapshot; readonly records: readonly JsonObject[] }> {
  const { database, now } = ledger.room;
  const { rows } = openFeedback(ledger);
  const build = await rows.build(rules);
  const found: { readonly id: string; readonly content: JsonObject }[] = [];
  for await (const { id, content } of rows.records(kind)) found.push({ id, content });
  found.sort((a, b) => (a.id < b.id ? -1 : 1));
  if (found.length === 0) throw nothing(kind, build);
  const before = await lastRows(ledger, kind);
  const ids = new Set(found.map((row) => row.id));
  const snapshot: Snapshot = {
    id: `snap_${randomBytes(9).toString('hex')}`,
    createdAt: now(),
    digest: createHash('sha256')
      .update([...ids].join('\n'))
      .digest('hex'),
    kind,
    rows: found.length,
    added: [...ids].filter((id) => !before.has(id)).length,
    removed: [...before].filter((id) => !ids.has(id)).length,
    largestPersonShare: build.largestPersonShare,
    build,
  };
  const { id, createdAt, digest, ...detail } = snapshot;
  const statements: SqlStatement[] = [
    sql(
      'INSERT INTO snapshots (id, created_at, digest, detail) VALUES (?, ?, ?, ?)',
      id,
      createdAt,
      digest,
      JSON.stringify(detail),
    ),
  ];
  for (let at = 0; at < found.length; at += CHUNK)
    statements.push(
      sql(
        'INSERT INTO snapshot_rows (snapshot_id, row_id) SELECT ?, value FROM json_each(?)',
        id,
        JSON.stringify(found.slice(at, at + CHUNK).map((row) => row.id)),
      ),
    );
  await database.write(statements);
  return { snapshot, records: found.map(({ content }) => content) };
}

/** Remembers what was trained on a snapshot, so that an erasure can name it. */
export async function markUse({ room }: Pick<Ledger, 'room'>, snapshotId: string, name: string): Promise<void> {
  await room.database.write([
    sql('INSERT OR IGNORE INTO snapshot_uses (snapshot_id, name, at) VALUES (?, ?, ?)', snapshotId, name, room.now()),
  ]);
}

async function lastRows({ room }: Pick<Ledger, 'room'>, kind: FeedbackRowKind): Promise<ReadonlySet<string>> {
  const rows = await room.database.read(
    sql(
      `SELECT row_id FROM snapshot_rows WHERE snapshot_id =
         (SELECT id FROM snapshots WHERE json_extract(detail, '$.kind') = ? ORDER BY seq DESC LIMIT 1)`,
      kind,
    ),
  );
  return new Set(rows.map((row) => String(row.row_id)));
}

function nothing(kind: FeedbackRowKind, { signals, dropped, waiting }: BuildReport): Error {
  const why = Object.entries(dropped).map(([reason, count]) => `${count} ${reason.replaceAll('_', ' ')}`);
  return badInput(
    `there are no rows of the kind ${kind} to train on, of ${signals} signals${why.length === 0 ? '' : ` (${why.join(', ')})`}${waiting === 0 ? '' : `; ${waiting} wait for somebody to look at them: preftune feedback review`}`,
  );
}

/** Takes back a snapshot on which nothing was trained. */
export async function dropSnapshot({ room }: Pick<Ledger, 'room'>, id: string): Promise<void> {
  await room.database.write([sql('DELETE FROM snapshots WHERE id = ?', id)]);
}

/** A snapshot that was taken; undefined where there is none. */
export async function readSnapshot({ room }: Pick<Ledger, 'room'>, id: string): Promise<Snapshot | undefined> {
  const [row] = await room.database.read(sql('SELECT * FROM snapshots WHERE id = ?', id));
  if (row === undefined) return undefined;
  const detail = JSON.parse(String(row.detail)) as Omit<Snapshot, 'id' | 'createdAt' | 'digest'>;
  return { ...detail, id, createdAt: Number(row.created_at), digest: String(row.digest) };
}
