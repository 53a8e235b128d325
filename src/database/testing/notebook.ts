import type { DatabaseKind } from '../migration.ts';

/** A small kind of file for tests. */
export const NOTEBOOK: DatabaseKind = {
  name: 'notebook',
  applicationId: 4242,
  migrations: [
    { version: 1, script: 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, size REAL) STRICT;' },
  ],
};
