import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEPLOY_AZURE } from './deploy-azure.ts';
import { DEPLOY_HF } from './deploy-hf.ts';
import { runWords } from '../testing/run-words.ts';
import { parseOptions } from '../../options/index.ts';
import { parseServeSettings } from '../../serve/index.ts';
import { deployFiles, DEPLOY_TARGETS, type DeployTarget } from '../../deploy/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'preftune-deploy-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const textOf = (target: DeployTarget, name: string): string =>
  deployFiles(target, '1.2.3').find((file) => file.name === name)!.text;

it('writes the files of each target, with the version and the rights that they need', async () => {
  for (const target of Object.keys(DEPLOY_TARGETS) as DeployTarget[]) {
    const place = join(folder, target);
    const { code, out } = await runWords(['deploy', 'write', place, '--to', target, '--json']);
    expect([code, JSON.parse(out)]).toEqual([0, { folder: place, files: Object.keys(DEPLOY_TARGETS[target]) }]);
    expect(readdirSync(place).toSorted()).toEqual(Object.keys(DEPLOY_TARGETS[target]).toSorted());
    for (const { text } of deployFiles(target, '1.2.3')) expect(text).not.toContain('PREFTUNE_VERSION');
  }
  expect(statSync(join(folder, 'docker', 'preftune-container')).mode & 0o777).toBe(0o755);
  expect(statSync(join(folder, 'systemd', 'environment')).mode & 0o777).toBe(0o600);
});

it('writes nothing where a file is there', async () => {
  const place = join(folder, 'taken');
  await runWords(['deploy', 'write', place, '--to', 'docker']);
  rmSync(join(place, 'preftune-container'));
  const { code, err } = await runWords(['deploy', 'write', place, '--to', 'compose']);
  expect([code, err.trim().split('\n').length, existsSync(join(place, 'compose.yaml'))]).toEqual([2, 2, false]);
});

const take = (command: typeof DEPLOY_HF, text: string) =>
  parseOptions(command.options, parse(text) as Record<string, unknown>);

it('settings of hf, azure and the service are ones that the commands take', () => {
  expect(take(DEPLOY_HF, textOf('hf', 'hf.yaml'))).toMatchObject({ image: 'registry.example.com/you/preftune:1.2.3' });
  expect(take(DEPLOY_AZURE, textOf('azure', 'azure.yaml'))).toMatchObject({ workspace: 'your-workspace' });
  const settings = parse(textOf('systemd', 'serve.yaml')) as Record<string, unknown>;
  expect(parseServeSettings(settings, { PREFTUNE_API_KEY: '0123456789abcdef' })).toMatchObject({
    store: '/var/lib/preftune/store',
  });
});

it('the compose file says what a container of it must have', () => {
  const { services, volumes } = parse(textOf('compose', 'compose.yaml')) as {
    readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    readonly volumes: object;
  };
  expect(Object.keys(volumes)).toEqual(['data']);
  // Reachable from this machine alone, nothing writable but the store, more time to stop than docker gives.
  expect(services['preftune']).toMatchObject({
    ports: ['127.0.0.1:8000:8000'],
    volumes: ['./models:/models:ro', 'data:/data'],
    read_only: true,
    tmpfs: ['/tmp'],
    cap_drop: ['ALL'],
    stop_grace_period: '40s',
    hostname: 'preftune',
  });
});

it('the image runs as no root, under an init, and counts as healthy when models answer', () => {
  const lines = textOf('docker', 'Dockerfile').split('\n');
  const stage = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')));
  expect(stage.filter((line) => /^(?:USER|EXPOSE|ENTRYPOINT)/.test(line))).toEqual([
    'USER node',
    'EXPOSE 8000',
    'ENTRYPOINT ["tini", "--", "preftune-container"]',
  ]);
  const check = stage.find((line) => line.includes('/ready'))!;
  const [, words] = /CMD (\[.*\])$/.exec(check)!;
  // What docker would run is a program that node can read.
  const [, flag, program] = JSON.parse(words!) as [string, string, string];
  expect(flag).toBe('-e');
  const file = join(folder, 'check.cjs');
  writeFileSync(file, program);
  execFileSync(process.execPath, ['--check', file]);
});

function hasSystemd(): boolean {
  try {
    execFileSync('systemd-analyze', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it.skipIf(!hasSystemd())('systemd takes the unit without a word, and calls it closed off', () => {
  const unit = join(folder, 'preftune.service');
  writeFileSync(unit, textOf('systemd', 'preftune.service'));
  // Its exit code is that of the checks; what it does not know it says.
  const said = execFileSync('systemd-analyze', ['verify', unit], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  expect(said).toBe('');
  const report = execFileSync('systemd-analyze', ['security', '--offline=true', unit], { encoding: 'utf8' });
  expect(Number(/Overall exposure level for preftune.service: ([\d.]+)/.exec(report)![1])).toBeLessThan(2.5);
});
