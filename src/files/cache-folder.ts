import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Variables of the environment by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the system keeps what can be made again. A relative XDG_CACHE_HOME is not valid and means nothing. Source: XDG Base Directory Specification. */
export function cacheHome(environment: Environment): string {
  const given = environment['XDG_CACHE_HOME']?.trim() ?? '';
  return isAbsolute(given) ? given : join(homeFolder(), '.cache');
}

/** The user's folder. A container may run as a user that the system does not know, and then there is none but the temporary one. */
function homeFolder(): string {
  try {
    return homedir() || tmpdir();
  } catch {
    return tmpdir();
  }
}

/** Our own folder there for one kind of thing: `reference`, `judge`, `samples`. */
export function cacheFolder(environment: Environment, kind: string): string {
  return join(cacheHome(environment), 'preftune', kind);
}

/** That a cache cannot be written, which stops nothing. */
export function unkept(told: {
  readonly what: string;
  readonly folder: string;
  readonly why: string;
  readonly option?: string;
}): string {
  const { what, folder, why, option } = told;
  const where = option === undefined ? 'set XDG_CACHE_HOME to a folder' : `name a folder with ${option}`;
  return `${what} are not kept for another time: ${folder} cannot be written (${why}); ${where} that can`;
}
