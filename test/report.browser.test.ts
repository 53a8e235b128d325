import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderReport } from '../src/report/index.ts';
import { EXAMPLE, HOSTILE } from '../src/report/testing/report-example.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
if (CHROMIUM === undefined) process.stderr.write('skipped: report.browser.test.ts needs chromium in /usr/bin\n');

/**
 * The page hears of a change a moment later. Not waitForFunction: where the first look is too early it evaluates a string inside the page, which the
 * page's content policy forbids.
 */
const LATER = { timeout: 60_000 };

describe.skipIf(CHROMIUM === undefined)('report.html in a browser', () => {
  let browser: Browser;
  let folder: string;
  let url: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'preftune-report-'));
    const file = join(folder, 'report.html');
    writeFileSync(file, renderReport(EXAMPLE));
    url = pathToFileURL(file).href;
    browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: ['--headless', '--no-sandbox', '--disable-gpu'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens the page and collects what goes wrong and what it asks the network for. */
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

  test.each([
    ['light', { viewport: { width: 1280, height: 900 }, colorScheme: 'light' }],
    ['dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
    ['a phone', { viewport: { width: 360, height: 740 }, colorScheme: 'light' }],
  ] as const)('%s: every chart is drawn, nothing overflows, nothing is asked of the network', async (_, options) => {
    const { page, faults } = await open(options);
    expect(faults).toEqual([]);
    expect(await page.locator('.chart canvas').count()).toBe(8);
    const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    expect(overflow).toBe(0);
    await page.close();
  });

  test('hostile samples stay text', async () => {
    const { page } = await open({});
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.locator('.sample .before p').nth(1).textContent()).toBe(HOSTILE);
    await page.close();
  });

  test('the keyboard walks along a chart and the values are said', async () => {
    const { page } = await open({});
    await page.locator('#plot-0').focus();
    await page.keyboard.press('End');
    expect(await page.locator('#said').textContent()).toMatch(/^Loss, step 250: training 0\.\d{3}, held out 0\.298$/);
    await page.keyboard.press('Home');
    expect(await page.locator('#said').textContent()).toMatch(/^Loss, step 0: held out 0\.698$/);
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#said').textContent()).toMatch(/^Loss, step 1: training /);
    await page.close();
  });

  test('the colours follow the scheme, and print is light on a dark screen', async () => {
    const { page } = await open({ colorScheme: 'dark' });
    const paper = (): Promise<unknown> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(await paper()).toBe('rgb(18, 20, 24)');
    await page.emulateMedia({ media: 'print' });
    expect(await paper()).toBe('rgb(255, 255, 255)');
    await expect
      .poll(() => page.evaluate("document.querySelector('.plot').firstElementChild.offsetWidth"), LATER)
      .toBe(310);
    await page.emulateMedia({ media: 'screen', colorScheme: 'light' });
    expect(await paper()).toBe('rgb(247, 247, 245)');
    await expect.poll(() => page.evaluate('document.documentElement.hasAttribute("data-print")'), LATER).toBe(false);
    await page.close();
  });
});
