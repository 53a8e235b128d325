import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileSource } from '../src/data/index.ts';
import { checkReliability, REMEDIES } from '../src/reliability/index.ts';
import { crossValidatedMargins } from '../src/train/index.ts';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** `data check` and `data clean` as a user runs them, cross-validation with a real small model, and the page in a browser. */
const folder = temporaryFolder();
const model = join(folder.path, 'model');
const pairs = join(folder.path, 'pairs.jsonl');
const REPEATED = 3;
const EMBEDDED = join(import.meta.dirname, '..', 'assets', 'embedded-model');

beforeAll(async () => {
  await writeTinyModel(model, { hidden: 16, layers: 1 });
  const rows = tinyPairs(24);
  writeRows(
    pairs,
    [...rows, ...rows.slice(0, REPEATED)].map((row, i) => ({
      ...row,
      annotator: `p${i % 2}`,
      source: i % 3 ? 'a' : 'b',
    })),
  );
});
afterAll(folder.remove);

test(
  'margins of every pair come from a model that has not seen its prompt; nothing is left behind',
  { timeout: 600_000 },
  async () => {
    const sources = [fileSource(pairs)];
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('preftune-folds-'));
    const run = async () =>
      checkReliability(sources, {
        languages: false,
        heldOutMargins: crossValidatedMargins({
          sources,
          model,
          folds: 2,
          seed: 1,
          maxPairs: 1000,
          training: { epochs: 4, learningRate: 5e-3, threads: 1, lora: { rank: 4 } },
          context: {
            resolve: async (named) => named,
            referenceCache: join(folder.path, 'reference'),
            versions: {},
            isResuming: false,
            listener: {},
          },
        }),
      });
    const { mislabelled } = await run();
    expect(mislabelled!.scored).toBe(24 + REPEATED);
    // The chosen answers share a word that the rejected ones lack: that carries over to prompts that were held out.
    expect(mislabelled!.accuracy).toBeGreaterThan(0.8);
    expect([...(await run()).mislabelled!.margins]).toEqual([...mislabelled!.margins]);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('preftune-folds-'))).toEqual(before);
  },
);

describe('the commands', () => {
  test('check, its page, and clean', { timeout: 600_000 }, async () => {
    const main = buildCli();
    const report = join(folder.path, 'report.html');
    const check = await preftune(main, ['data', 'check', pairs, '--json', '--report', report]);
    expect([check.code, check.err]).toEqual([0, '']);
    const { reliability, validRows } = JSON.parse(check.out) as {
      validRows: number;
      reliability: { rows: number; findings: { kind: string; count: number }[] };
    };
    expect([validRows, reliability.rows]).toEqual([27, 27]);
    expect(reliability.findings.map(({ kind }) => kind)).toContain('length-bias');
    expect(readFileSync(report, 'utf8')).toContain('Can these preferences be trusted?');

    // Too short to stand out in characters; in tokens, of which each digit is one, they do.
    const cut = join(folder.path, 'cut.jsonl');
    writeRows(
      cut,
      Array.from({ length: 12 }, (_, row) => ({
        prompt: `Question ${row}?`,
        chosen: row < 7 ? '7'.repeat(50) : '7'.repeat(20 + row),
        rejected: `No ${row}.`,
      })),
    );
    const counted = await preftune(main, ['data', 'check', cut, '--model', EMBEDDED]);
    expect(counted.code).toBe(0);
    expect(counted.out.replaceAll(/\s+/g, ' ')).toContain('7 answers have exactly 50 tokens, the greatest length');

    const idle = await preftune(main, ['data', 'check', pairs, '--folds', '3', '--fold-pairs', '9']);
    expect([idle.code, idle.err]).toEqual([2, '--folds has no effect without --model; add it or leave --folds out\n']);
    const output = join(folder.path, 'clean.jsonl');
    const wrong = await preftune(main, ['data', 'clean', pairs, '--apply', 'dupplicates,leakage', '--output', output]);
    expect([wrong.code, wrong.err]).toEqual([
      2,
      `--apply must be one of ${REMEDIES.length + 1} choices, got "dupplicates"; did you mean duplicates? there are safe, ${REMEDIES.join(', ')}\n` +
        '--apply leakage needs --held-out, the data that training must not know\n',
    ]);
    expect(existsSync(output)).toBe(false);
    const clean = await preftune(main, [
      'data',
      'clean',
      '--data',
      pairs,
      '--apply',
      'near-duplicates,safe',
      '--output',
      output,
    ]);
    expect(clean.code).toBe(0);
    expect(clean.out).toContain(`kept`);
    expect(
      readFileSync(output, 'utf8').split('\n').length -
        1 +
        readFileSync(`${output}.removed.jsonl`, 'utf8').split('\n').length -
        1,
    ).toBe(27);
    const again = await preftune(main, ['data', 'clean', pairs, '--apply', 'safe', '--output', output]);
    expect([again.code, again.err]).toEqual([
      2,
      [output, `${output}.removed.jsonl`]
        .map((file) => `${file}: the output must not exist yet, got a file; name another or pass --overwrite\n`)
        .join(''),
    ]);
  });

  const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  );
  if (CHROMIUM === undefined) process.stderr.write('skipped: the page of data check needs chromium in /usr/bin\n');

  test.skipIf(CHROMIUM === undefined)(
    'the page in light and dark, wide and at 390 pixels',
    { timeout: 300_000 },
    async () => {
      const browser = await chromium.launch({
        executablePath: CHROMIUM!,
        args: ['--headless', '--no-sandbox', '--disable-gpu'],
      });
      const url = pathToFileURL(join(folder.path, 'report.html')).href;
      try {
        for (const [width, colorScheme, paper] of [
          [390, 'light', 'rgb(247, 247, 245)'],
          [1280, 'dark', 'rgb(18, 20, 24)'],
        ] as const) {
          const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
          const faults: string[] = [];
          page.on('console', (message) => faults.push(message.text()));
          page.on('request', (request) => request.url() !== url && faults.push(request.url()));
          await page.goto(url);
          expect(faults).toEqual([]);
          expect(
            await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
          ).toBe(0);
          expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(paper);
          expect(await page.locator('svg').count()).toBeGreaterThan(2);
          await page.close();
        }
      } finally {
        await browser.close();
      }
    },
  );
});
