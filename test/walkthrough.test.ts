import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../src/core/index.ts';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder } from './support/tiny-model.ts';

/**
 * docs/walkthrough.md: every command of it is run, in order, with the embedded model under the name of the model there and short rows under the name of its
 * data. `sh run` must succeed, `sh finds` ends with 2 (bad rows), `sh background` goes on, `sh llama` needs node-llama-cpp.
 */
const ROOT = join(import.meta.dirname, '..');
const PAGE = readFileSync(join(ROOT, 'docs', 'walkthrough.md'), 'utf8');
/** A folder in which node-llama-cpp is installed. */
const LLAMA = process.env['PREFTUNE_TEST_LLAMA'];
if (LLAMA === undefined)
  process.stderr.write(
    'walkthrough.test.ts: chat in llama.cpp skipped: PREFTUNE_TEST_LLAMA names no folder with node-llama-cpp\n',
  );

const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const background: ChildProcess[] = [];

/** Rows of HH-RLHF, as many as the file has, a few of them as broken as there. */
function rows(): string {
  const random = createRandom(3, 'walkthrough');
  const pick = (words: readonly string[]): string => words[random.nextInt(words.length)]!;
  const lines = Array.from({ length: 2354 }, (_, i) => {
    const question = `\n\nHuman: ${pick(['Where', 'When', 'Why', 'How'])} is the ${pick(['river', 'comet', 'bread', 'moon'])} ${i}?\n\nAssistant:`;
    const kind = ` ${pick(['Gladly', 'Of course'])}! It is ${pick(['near', 'late', 'warm'])}, ${pick(['I think', 'they say'])}.`;
    return { chosen: question + kind, rejected: i % 200 === 121 ? question : `${question} ${pick(['No', 'Late'])}.` };
  });
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

beforeAll(async () => {
  mkdirSync(at('tools'));
  // Where `npx preftune` is looked for.
  writeFileSync(at('tools', 'npx'), `#!/bin/sh\nshift\nexec "${process.execPath}" "${buildCli()}" "$@"\n`, {
    mode: 0o755,
  });
  symlinkSync(join(ROOT, 'examples'), at('examples'));
  writeFileSync(at('ordinary.txt'), 'It rained all day.\n\nThen it stopped.\n\nNobody was there to see it.\n');
  writeFileSync(at('helpful-base-test.jsonl.gz'), gzipSync(rows()));
  const model = ['--model', join(ROOT, 'assets', 'embedded-model'), '--output', at('SmolLM2-135M-Instruct.Q4_1.gguf')];
  const made = await preftune(buildCli(), ['export', ...model, '--to', 'gguf', '--gguf-type', 'F16']);
  expect([made.code, made.err]).toEqual([0, expect.not.stringContaining('internal') as string]);
});
afterAll(() => {
  for (const child of background) child.kill();
  folder.remove();
});

const environment = {
  ...process.env,
  PATH: `${at('tools')}:${process.env['PATH']}`,
  XDG_CACHE_HOME: at('cache'),
  NO_COLOR: '1',
};

/** Ends when the command does, or, of one that goes on, with its first line. */
async function run(command: string, kind: string): Promise<{ code: number | null; text: string }> {
  if (kind !== 'background') {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
      cwd: folder.path,
      env: environment,
      encoding: 'utf8',
    });
    return { code: status, text: `${stdout}\n${stderr}` };
  }
  const child = spawn('sh', ['-c', `exec ${command}`], { cwd: folder.path, env: environment });
  background.push(child);
  const text = await new Promise<string>((told) => child.stdout.once('data', (data: Buffer) => told(data.toString())));
  return { code: 0, text };
}

it('its commands do what it says', { timeout: 420_000 }, async () => {
  const blocks = [...PAGE.matchAll(/^```sh (run|finds|background|llama)\n([\s\S]*?)^```$/gm)];
  expect(blocks.map(([, kind]) => kind).filter((kind) => kind === 'run').length).toBeGreaterThanOrEqual(6);
  let address = '';
  const said: string[] = [];
  for (const [, kind, text] of blocks) {
    const commands = text!.replaceAll('\\\n', ' ').trim().split('\n');
    for (const written of commands) {
      // Another port than the page's, so that nothing on this machine is in the way.
      const command = written.replace(/(stand-in-judge\.mjs)$/, '$1 0').replace('http://127.0.0.1:8799/v1', address);
      if (kind === 'llama') {
        if (LLAMA !== undefined) said.push(chatWithLlama(command));
        continue;
      }
      const ended = await run(command, kind!);
      expect([written, ended.code, /internal error/.test(ended.text)]).toEqual([
        written,
        kind === 'finds' ? 2 : 0,
        false,
      ]);
      said.push(ended.text);
      address = /http:\/\/\S+\/v1/.exec(ended.text)?.[0] ?? address;
    }
  }
  const all = said.join('\n');
  // It ends with a verdict of the rule, one of the judge, and a verified artefact.
  expect(all.match(/(is (better|worse) than start|Cannot tell run from start): it wins \d+ %/g)!.length).toBe(2);
  expect(all).toMatch(/run beside start:/);
  expect(all).toMatch(/verified on \d+ tokens: [\d.]+ nats a token/);
  for (const file of ['run/report.html', 'comparison/report.html', 'comparison/comparison.json', 'exported/tuned.gguf'])
    expect([file, existsSync(at(file)) && statSync(at(file)).size > 1000]).toEqual([file, true]);
  if (LLAMA !== undefined) expect(all).toContain('llama.cpp said:');
});

/** The page's chat command, with the installed package instead of one that npx would download. */
function chatWithLlama(command: string): string {
  const words = command.replace(/^npx --yes node-llama-cpp@\S+ /, '');
  const cli = join(resolve(LLAMA!), 'node_modules', 'node-llama-cpp', 'dist', 'cli', 'cli.js');
  expect(words).not.toBe(command);
  const { stdout } = spawnSync(
    'sh',
    ['-c', `exec "${process.execPath}" "${cli}" ${words} --gpu false --threads 2 --noHistory --maxTokens 20`],
    {
      cwd: folder.path,
      env: environment,
      encoding: 'utf8',
      timeout: 120_000,
      input: '',
    },
  );
  const answer = /AI: ([\s\S]*)/.exec(stdout)?.[1] ?? '';
  expect(answer.trim().length).toBeGreaterThan(0);
  return `llama.cpp said: ${answer}`;
}
