/** A step from one version of a file to the next. */
export interface Migration {
  /** 1, 2, 3, ...: the version that the file has afterwards. */
  readonly version: number;
  /** Statements without values, separated by semicolons. */
  readonly script: string;
}

/** What a file is: whose, and in which version. */
export interface DatabaseKind {
  /** For people: `ledger`. */
  readonly name: string;
  /** Stands in the file's header (PRAGMA application_id); tells our files from those of other programs. */
  readonly applicationId: number;
  /** In order; the last one's version is that of a new file. */
  readonly migrations: readonly Migration[];
}

export function newestVersion({ migrations }: DatabaseKind): number {
  return migrations.at(-1)?.version ?? 0;
}
