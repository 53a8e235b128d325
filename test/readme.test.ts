import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildCli, preftune } from './support/built-cli.ts';

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
