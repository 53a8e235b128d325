import { homedir } from 'node:os';
import { join } from 'node:path';

/** Variables of the environment by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the system keeps what can be made again. Source: XDG Base Directory Specification. */
export function cacheHome(environment: Environment): string {
  return environment['XDG_CACHE_HOME']?.trim() || join(homedir(), '.cache');
}

/** Our own folder there for one kind of thing: `reference`, `judge`, `samples`. */
export function cacheFolder(environment: Environment, kind: string): string {
  return join(cacheHome(environment), 'preftune', kind);
}
