import { badInput, internal, messageOf, PreftuneError, runFailed } from '../core/index.ts';
import { diskError } from '../files/index.ts';
import type { DatabaseFault } from './messages.ts';

/** What was thrown in the thread, for the other side. */
export function faultOf(thrown: unknown): DatabaseFault {
  if (thrown instanceof PreftuneError)
    return {
      message: thrown.problems[0]!.message,
      isOurs: true,
      code: thrown.code === 'bad-input' ? 'bad' : undefined,
    };
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return { message: messageOf(thrown), code: typeof code === 'string' && code !== '' ? code : undefined };
}

/** After these nobody knows what the disk holds: what the system failed to flush once it may never flush again. */
export function isFatal(thrown: unknown): boolean {
  const { code = '' } = faultOf(thrown);
  return code.startsWith('SQLITE_IOERR_FSYNC') || code.startsWith('SQLITE_IOERR_DIR_FSYNC');
}

const RESTORE = 'run preftune store check, and restore a backup (preftune store restore) where it confirms that';

/** What a fault means for whoever has the file, and what to do. */
export function databaseError(file: string, fault: DatabaseFault): PreftuneError {
  const { message, code = '', isOurs = false } = fault;
  if (isOurs) return (code === 'bad' ? badInput : runFailed)({ file, message });
  const cause = { cause: new Error(`${code} ${message}`.trim()) };
  const is = (...codes: readonly string[]): boolean => codes.some((one) => code.startsWith(one));
  if (is('SQLITE_FULL'))
    return diskError(
      file,
      Object.assign(new Error(message), { code: 'ENOSPC' }),
      'and try again; nothing half-written was left',
    );
  if (is('SQLITE_CORRUPT'))
    return runFailed(
      { file, message: `the database must be whole, got one that is damaged (${message}); ${RESTORE}` },
      cause,
    );
  if (is('SQLITE_NOTADB'))
    return badInput(
      { file, message: `must be a database of preftune, got a file that is none; name another folder` },
      cause,
    );
  if (is('SQLITE_BUSY', 'SQLITE_LOCKED'))
    return badInput(
      {
        file,
        message: 'must not be open in another program, got one that is (an SQLite shell, perhaps); close it there',
      },
      cause,
    );
  if (is('SQLITE_READONLY', 'SQLITE_PERM'))
    return diskError(file, Object.assign(new Error(message), { code: 'EACCES' }));
  if (is('SQLITE_CANTOPEN') || /ConnectionFailed\(.*: 14/.test(message))
    return badInput(
      {
        file,
        message:
          'must be a file that can be read and written, got one that cannot be opened; choose another folder or change its owner',
      },
      cause,
    );
  if (is('SQLITE_IOERR'))
    return runFailed(
      {
        file,
        message: `the disk must take what is written, got ${message} (${code}); look at its state and its room, and try again`,
      },
      cause,
    );
  if (is('SQLITE_CONSTRAINT')) return badInput({ file, message: `must hold each id once, got ${message}` }, cause);
  return internal(`${file}: ${code} ${message}`, cause);
}
