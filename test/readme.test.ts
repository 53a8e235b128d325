import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder, writeRows } from './support/tiny-model.ts';

/** README.md names what there is: every command, every page of docs/. */
const ROOT = join(import.meta.dirname, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

it('its table of commands is that of --help, in that order', async () => {
  const { out } = await preftune(buildCli(), ['--help']);
  const listed = [...out.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}\S/gm)].map(([, name]) => name);
  const named = [...README.matchAll(/^\| `([a-z ]+)` \|/gm)].map(([, name]) => name);
  expect(listed.length).toBeGreaterThan(15);
  expect(named).toEqual(listed);
});

it('links to every page of docs/, and to nothing that is not there', () => {
  const linked = new Set([...README.matchAll(/\]\((docs\/[\w-]+\.md)\)/g)].map(([, path]) => path));
  const pages = readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`);
  expect([...linked].toSorted()).toEqual(pages.filter((path) => path.endsWith('.md')).toSorted());
});

it('its figures beside TRL are those of the record that it names', () => {
  const path = /`(bench\/results\/peers-[\w-]+\.json)`\.\n\n\|/.exec(README)?.[1];
  const { sides, pairsPerStep } = JSON.parse(readFileSync(join(ROOT, path!), 'utf8')) as {
    readonly pairsPerStep: number;
    readonly sides: readonly { readonly seconds: number[]; referencePairsPerSecond: number; peakRssMib: number }[];
  };
  // The first step is warm-up and is not measured.
  const pairsPerSecond = sides.map(({ seconds }) => pairsPerStep / seconds.slice(1).toSorted((a, b) => a - b)[1]!);
  const row = (name: string): number[] =>
    new RegExp(`^\\| ${name} \\| ([\\d.,]+) \\| ([\\d.,]+) \\|$`, 'm')
      .exec(README)!
      .slice(1)
      .map((text) => Number(text.replace(',', '')));
  expect(row('pairs/s, median of three steps')).toEqual(pairsPerSecond.map((value) => Number(value.toFixed(2))));
  expect(row('reference, pairs/s')).toEqual(
    sides.map(({ referencePairsPerSecond }) => Number(referencePairsPerSecond.toFixed(2))),
  );
  expect(row('peak memory, MiB')).toEqual(sides.map(({ peakRssMib }) => Math.round(peakRssMib)));
  expect(README).toContain(`So ${(pairsPerSecond[0]! / pairsPerSecond[1]!).toFixed(1)} times TRL's best settings`);
  const minutes = (1000 / pairsPerSecond[0]! + 1000 / sides[0]!.referencePairsPerSecond) / 60;
  expect(README).toContain(
    `| SmolLM2-135M (GGUF Q4_1) | ${pairsPerSecond[0]!.toFixed(2)} | ${Math.round(minutes)} minutes |`,
  );
});

const folder = temporaryFolder();
let judge: ChildProcess | undefined;
afterAll(() => {
  judge?.kill();
  folder.remove();
});

/** A judge that speaks the API on this machine; resolves with its address. */
async function startJudge(): Promise<string> {
  judge = spawn(process.execPath, [join(ROOT, 'examples', 'stand-in-judge.mjs'), '0']);
  const told = await new Promise<string>((said) =>
    judge!.stdout!.once('data', (data: Buffer) => said(data.toString())),
  );
  return /http:\/\/[\d.:]+\/v1/.exec(told)![0];
}

it('the commands of the first hour do what they say', { timeout: 420_000 }, async () => {
  const hour = README.slice(README.indexOf('## The first hour'), README.indexOf('## When to take it'));
  const example = /^\{"prompt": ".*$/m.exec(hour)![0];
  const commands = [...hour.matchAll(/^npx preftune .*$/gm)].map(([command]) => command);
  expect(commands.length).toBeGreaterThanOrEqual(7);
  const row = JSON.parse(example) as { prompt: string };
  writeRows(
    join(folder.path, 'pairs.jsonl'),
    Array.from({ length: 30 }, (_, i) => ({ ...row, prompt: `${row.prompt} (${i})` })),
  );
  const model = join(ROOT, 'assets', 'embedded-model');
  const url = await startJudge();
  for (const command of commands) {
    const words = command
      .split(' ')
      .slice(2)
      .map((word) => (word === 'HuggingFaceTB/SmolLM2-135M-Instruct' ? model : word));
    if (words.includes('--judge-model')) words.push('--judge-url', url);
    const { code, out, err } = await preftune(buildCli(), words, {
      cwd: folder.path,
      input: 'What is a comet?\n/exit\n',
      environment: { XDG_CACHE_HOME: join(folder.path, 'cache'), OPENAI_API_KEY: 'none' },
    });
    expect({ command, code, text: out + err }).toEqual({
      command,
      code: 0,
      text: expect.not.stringMatching(/internal|fault of preftune/) as string,
    });
  }
});
