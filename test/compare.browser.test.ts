import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';
import { runDpo } from './support/training.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
if (CHROMIUM === undefined) process.stderr.write('skipped: compare.browser.test.ts needs chromium in /usr/bin\n');

/** Everything that a comparison's page can hold: three contestants, two judges, a run with its curves, checkpoints, texts. */
describe.skipIf(CHROMIUM === undefined)("a comparison's page in a browser", () => {
  const folder = temporaryFolder();
  const at = (...names: string[]): string => join(folder.path, ...names);
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
    writeRows(at('pairs.jsonl'), tinyPairs(8));
    await runDpo(
      {
        model: at('model'),
        data: at('pairs.jsonl'),
        heldOut: at('pairs.jsonl'),
        output: at('run'),
        lora: { rank: 2 },
        epochs: 2,
        batchSize: 4,
        checkpointSteps: 2,
        evaluateSteps: 1,
        keepCheckpoints: 9,
        samples: 0,
      },
      { folder: folder.path },
    );
    writeRows(
      at('prompts.jsonl'),
      Array.from({ length: 6 }, (_, i) => ({ id: `p${i}`, prompt: `Is it ${i}?` })) as never,
    );
    writeRows(at('text.jsonl'), [{ text: 'It rained.' }, { text: 'It stopped.' }] as never);
    const judges = JSON.stringify([
      { kind: 'length', prefer: 'longer', unit: 'words' },
      { kind: 'contains', texts: ['a'] },
    ]);
    const words = `compare start=model tuned=run early=run@step-2 --prompts prompts.jsonl --max-new-tokens 30 --temperature 1 --samples 2 --texts text.jsonl --frontier --output comparison --judges`;
    const ended = await preftune(buildCli(), [...words.split(' '), judges], {
      cwd: folder.path,
      environment: { XDG_CACHE_HOME: at('cache') },
    });
    expect([ended.code, ended.err]).toEqual([0, expect.not.stringContaining('internal') as string]);
    url = pathToFileURL(at('comparison', 'report.html')).href;
    browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: ['--headless', '--no-sandbox', '--disable-gpu'],
    });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    folder.remove();
  });

  async function open(options: Parameters<Browser['newPage']>[0]): Promise<{ page: Page; faults: string[] }> {
    const page = await browser.newPage(options);
    page.setDefaultTimeout(100_000);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => faults.push(message.text()));
    page.on('request', (request) => request.url() !== url && faults.push(request.url()));
    await page.goto(url);
    return { page, faults };
  }

  const SECTIONS = [
    'rates',
    'ratings',
    'at-k',
    'judges',
    'training',
    'frontier',
    'measured',
    'measured-2',
    'behaviour',
    'samples',
    'configuration',
    'data',
  ];

  test.each([
    ['light', { viewport: { width: 1280, height: 900 }, colorScheme: 'light' }],
    ['dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
    ['a phone', { viewport: { width: 390, height: 844 }, colorScheme: 'light' }],
  ] as const)(
    '%s: every section and chart is there, nothing overflows, nothing is asked of the network',
    async (_, options) => {
      const { page, faults } = await open(options);
      expect(faults).toEqual([]);
      expect(await page.locator('section').evaluateAll((all) => all.map(({ id }) => id))).toEqual(SECTIONS);
      const plots = await page.locator('.plot').count();
      // Five curves of the run, the win rate by KL, margin and accuracy of its checkpoints.
      expect(plots).toBe(8);
      expect(await page.locator('.chart canvas').count()).toBe(plots);
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(overflow).toBe(0);
      const cut = await page
        .locator('.card, .verdict')
        .evaluateAll(
          (all) =>
            all.filter((one) => one.getBoundingClientRect().right > one.ownerDocument.documentElement.clientWidth)
              .length,
        );
      expect(cut).toBe(0);
      await page.close();
    },
  );

  test('the verdict comes first, and a chart says its points to the keyboard', async () => {
    const { page } = await open({});
    const top = await page.evaluate(
      "document.querySelector('.verdict').getBoundingClientRect().bottom < document.querySelector('section').getBoundingClientRect().top",
    );
    expect(top).toBe(true);
    await page.locator('#plot-5').focus();
    await page.keyboard.press('Home');
    expect(await page.locator('#said').textContent()).toMatch(
      /^Win rate by KL, KL, nats an answer [\d.e-]+: Win rate [\d.]+$/,
    );
    await page.close();
  });

  test('on paper: light on a dark screen, every section, every chart, no navigation', async () => {
    const { page } = await open({ colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print' });
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
    expect(await page.locator('nav').isVisible()).toBe(false);
    for (const id of SECTIONS) expect(await page.locator(`#${id}`).isVisible()).toBe(true);
    expect(await page.locator('.chart canvas').count()).toBe(8);
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.close();
  });
});
