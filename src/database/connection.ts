/** The connection itself, which blocks: only the worker thread has one. */
import { createRequire } from 'node:module';
import { badInput, messageOf, runFailed } from '../core/index.ts';
import { faultOf, isFatal } from './fault.ts';
import { newestVersion, type DatabaseKind } from './migration.ts';
import type { SqlResult, SqlRow, SqlStatement, SqlValue } from './sql.ts';

/** Of libsql's connection, what is used. Its types are those of another package. */
interface Libsql {
  exec(script: string): void;
  prepare(text: string): LibsqlStatement;
  close(): void;
  readonly inTransaction: boolean;
}

interface LibsqlStatement {
  readonly reader: boolean;
  run(values: readonly SqlValue[]): { readonly changes: number };
  all(values: readonly SqlValue[]): SqlRow[];
}

/** What a group of units came to: results, null where a required statement changed nothing, or what was thrown. */
export type UnitOutcome = { readonly results: readonly SqlResult[] | null } | { readonly thrown: unknown };

const MOST_PREPARED = 256;
/** Pages of 4 KiB after which the log goes into the file although writers wait for it: some milliseconds, for some hundred units. */
const CHECKPOINT_PAGES = 4000;
/** The log is cut to this after it went into the file. Shorter than the log gets, each of its rounds would grow it anew: a flush of a file that grows costs several times as much. */
const LOG_BYTES = 24 * 2 ** 20;
/** Units that make it worth while to put the log into the file in a quiet moment. */
const UNITS_TO_TIDY = 256;

export class Connection {
  private readonly database: Libsql;
  private readonly prepared = new Map<string, LibsqlStatement>();
  private broken: unknown;
  private unitsInLog = 0;
  private isFrozen = false;
  readonly sqliteVersion: string;

  /** Opens or makes the file and brings it to the newest version. Throws bad-input for a file of another program or a newer version. */
  constructor(path: string, kind: DatabaseKind) {
    const Library = createRequire(import.meta.url)('libsql') as new (path: string) => Libsql;
    this.database = new Library(path);
    try {
      // Whoever opens the file besides us gets an error, not a race: see ARCHITECTURE, Serving. The index of the log lies in memory then.
      this.pragma('locking_mode=EXCLUSIVE');
      this.refuseOthers(kind);
      this.pragma('journal_mode=WAL');
      this.pragma('synchronous=FULL');
      this.pragma('foreign_keys=ON');
      this.pragma('secure_delete=ON');
      this.pragma('trusted_schema=OFF');
      this.pragma('temp_store=MEMORY');
      this.pragma(`wal_autocheckpoint=${CHECKPOINT_PAGES}`);
      this.pragma(`journal_size_limit=${LOG_BYTES}`);
      this.migrate(kind);
      this.sqliteVersion = String(this.all({ sql: 'SELECT sqlite_version() AS version', values: [] })[0]!.version);
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  /** Runs each unit for itself within one commit: one that fails leaves no trace and touches no other. */
  write(units: readonly (readonly SqlStatement[])[]): UnitOutcome[] {
    if (this.broken !== undefined) return units.map(() => ({ thrown: this.broken }));
    try {
      this.database.exec('BEGIN IMMEDIATE');
      const outcomes = units.map((unit) => this.unit(unit));
      this.database.exec('COMMIT');
      this.unitsInLog += units.length;
      return outcomes;
    } catch (error) {
      this.rollback();
      this.stopIfFatal(error);
      return units.map(() => ({ thrown: error }));
    }
  }

  private unit(statements: readonly SqlStatement[]): UnitOutcome {
    this.database.exec('SAVEPOINT unit');
    try {
      const results: SqlResult[] = [];
      for (const statement of statements) {
        const result = this.run(statement);
        if (statement.isRequired === true && result.changes === 0 && result.rows.length === 0) {
          this.database.exec('ROLLBACK TO unit; RELEASE unit');
          return { results: null };
        }
        results.push(result);
      }
      this.database.exec('RELEASE unit');
      return { results };
    } catch (error) {
      // A full disk and the like end the whole transaction: then nobody of the group has written anything.
      if (!this.database.inTransaction) throw error;
      this.database.exec('ROLLBACK TO unit; RELEASE unit');
      return { thrown: error };
    }
  }

  private stopIfFatal(error: unknown): void {
    if (isFatal(error))
      this.broken = runFailed(
        `the disk must keep what is written, got a failed flush; stop the server, look at the disk, and start it again`,
        { cause: error },
      );
  }

  private rollback(): void {
    if (this.database.inTransaction) this.database.exec('ROLLBACK');
  }

  all({ sql, values }: SqlStatement): SqlRow[] {
    return this.prepare(sql).all(values);
  }

  private run({ sql, values }: SqlStatement): SqlResult {
    const statement = this.prepare(sql);
    if (statement.reader) return { changes: 0, rows: statement.all(values) };
    return { changes: statement.run(values).changes, rows: [] };
  }

  private prepare(text: string): LibsqlStatement {
    const known = this.prepared.get(text);
    if (known !== undefined) return known;
    if (this.prepared.size >= MOST_PREPARED) this.prepared.clear();
    const statement = this.database.prepare(text);
    this.prepared.set(text, statement);
    return statement;
  }

  private pragma(text: string): SqlRow[] {
    return this.database.prepare(`PRAGMA ${text}`).all([]);
  }

  private numberOf(name: string): number {
    return Number(this.pragma(name)[0]?.[name]);
  }

  private refuseOthers({ name, applicationId, ...kind }: DatabaseKind): void {
    const tables = Number(this.all({ sql: 'SELECT count(*) AS count FROM sqlite_schema', values: [] })[0]!.count);
    if (tables === 0) return;
    if (this.numberOf('application_id') !== applicationId)
      throw badInput(`must be a ${name} of preftune, got a database of another program; name another folder`);
    const version = this.numberOf('user_version');
    const newest = newestVersion({ name, applicationId, ...kind });
    if (version > newest)
      throw badInput(
        `must have version ${newest} or an older one, got version ${version}, which a newer preftune wrote; update preftune`,
      );
  }

  /** All missing steps in one transaction: a file is in one version or another, never between two. */
  private migrate({ applicationId, migrations }: DatabaseKind): void {
    const version = this.numberOf('user_version');
    const missing = migrations.filter((step) => step.version > version);
    if (missing.length === 0) return;
    this.database.exec('BEGIN IMMEDIATE');
    try {
      for (const { script } of missing) this.database.exec(script);
      this.database.exec(`PRAGMA application_id=${applicationId}; PRAGMA user_version=${missing.at(-1)!.version}`);
      this.database.exec('COMMIT');
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  checkpoint(): void {
    this.pragma('wal_checkpoint(TRUNCATE)');
    this.unitsInLog = 0;
  }

  /** For a quiet moment: puts a log that has grown into the file, which a writer would have to wait for later. Nobody hears of a failure but the next writer, where it matters. */
  tidy(): void {
    if (this.isFrozen || this.broken !== undefined || this.unitsInLog < UNITS_TO_TIDY) return;
    try {
      this.pragma('wal_checkpoint(PASSIVE)');
      this.unitsInLog = 0;
    } catch (error) {
      this.stopIfFatal(error);
    }
  }

  /** Rewrites the file without holes; needs room for a second one. */
  vacuum(): void {
    this.prepared.clear();
    this.database.exec('VACUUM');
    this.checkpoint();
  }

  /** What is wrong with the file: SQLite's own check and the references between tables. Empty: nothing. */
  check(): string[] {
    try {
      const whole = this.pragma('integrity_check(100)').map((row) => String(row.integrity_check));
      const dangling = this.pragma('foreign_key_check').map(
        ({ table, rowid, parent }) =>
          `row ${String(rowid)} of ${String(table)} refers to a row of ${String(parent)} that is not there`,
      );
      return [...whole.filter((line) => line !== 'ok'), ...dangling];
    } catch (error) {
      // Where the damage is bad enough, the check itself ends on it.
      if (faultOf(error).code?.startsWith('SQLITE_CORRUPT') === true) return [messageOf(error)];
      throw error;
    }
  }

  /** The size of the file, whose bytes stay as they are until thaw. */
  freeze(): number {
    this.isFrozen = true;
    this.pragma('wal_autocheckpoint=0');
    this.checkpoint();
    return this.numberOf('page_count') * this.numberOf('page_size');
  }

  thaw(): void {
    this.isFrozen = false;
    this.pragma(`wal_autocheckpoint=${CHECKPOINT_PAGES}`);
    this.checkpoint();
  }

  close(): void {
    this.prepared.clear();
    this.database.close();
  }
}
