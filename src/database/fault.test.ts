import { expect, test } from 'vitest';
import { databaseError, isFatal } from './fault.ts';

/** What SQLite says, and what a person is told. */
const TOLD: readonly (readonly [code: string, kind: string, text: RegExp])[] = [
  ['SQLITE_FULL', 'run-failed', /must have room, got no space left; free some space and try again/],
  ['SQLITE_CORRUPT_INDEX', 'run-failed', /must be whole, got one that is damaged \(words\); run preftune store check/],
  ['SQLITE_NOTADB', 'bad-input', /must be a database of preftune, got a file that is none/],
  ['SQLITE_BUSY_RECOVERY', 'bad-input', /must not be open in another program/],
  ['SQLITE_READONLY_DIRECTORY', 'bad-input', /must be writable, got permission denied/],
  ['SQLITE_CANTOPEN', 'bad-input', /must be a file that can be read and written/],
  ['SQLITE_IOERR_WRITE', 'run-failed', /the disk must take what is written, got words \(SQLITE_IOERR_WRITE\)/],
  ['SQLITE_CONSTRAINT_UNIQUE', 'bad-input', /must hold each id once, got words/],
  ['SQLITE_ERROR', 'internal', /^internal: /],
];

test.each(TOLD)('%s is %s', (code, kind, text) => {
  const error = databaseError('/a/notes.db', { code, message: 'words' });
  expect([error.code, text.test(error.problems[0]!.message)]).toEqual([kind, true]);
  expect(error.message).toContain('/a/notes.db');
});

const thrown = (code: string) => Object.assign(new Error('disk I/O error'), { code });

test('a flush that failed ends the writing: nobody knows what the disk holds then', () => {
  expect(
    ['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_DIR_FSYNC', 'SQLITE_FULL', 'SQLITE_IOERR_WRITE'].map((code) =>
      isFatal(thrown(code)),
    ),
  ).toEqual([true, true, false, false]);
});
