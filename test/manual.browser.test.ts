import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manualSite, readManual, serveSite, type ServedSite } from '../src/manual/index.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
if (CHROMIUM === undefined) process.stderr.write('skipped: manual.browser.test.ts needs chromium in /usr/bin\n');

describe.skipIf(CHROMIUM === undefined)('the documentation in a browser', () => {
  const files = manualSite(readManual());
  let browser: Browser;
  let site: ServedSite;

  beforeAll(async () => {
    site = await serveSite(files, 0);
    browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: ['--headless', '--no-sandbox', '--disable-gpu'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  async function open(path: string, options: Parameters<Browser['newPage']>[0] = {}) {
    const page: Page = await browser.newPage(options);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => faults.push(message.text()));
    page.on('request', (request) => request.url().startsWith(site.url) || faults.push(request.url()));
    await page.goto(site.url + path);
    return { page, faults };
  }

  test.each([
    ['wide', { width: 1400, height: 900 }],
    ['a phone', { width: 360, height: 740 }],
  ] as const)('%s: no page overflows, asks elsewhere or says an error', async (_name, viewport) => {
    const { page, faults } = await open('index.html', { viewport });
    const overflowing: string[] = [];
    for (const name of files.keys()) {
      if (!name.endsWith('.html')) continue;
      await page.goto(site.url + name);
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      if (overflow !== 0) overflowing.push(`${name}: ${String(overflow)}`);
    }
    expect(overflowing).toEqual([]);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('/ begins a search, arrows and Enter go to what it found', async () => {
    const { page, faults } = await open('index.html', { viewport: { width: 1400, height: 900 } });
    await page.keyboard.press('/');
    await page.keyboard.type('columns other names');
    const first = page.locator('.hits a').first();
    await first.waitFor();
    expect(await first.innerText()).toContain('Columns under other names');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/data.html#columns-under-other-names');
    expect(await page.locator('.pages a[aria-current]').innerText()).toMatch(/^Data/);
    await page.keyboard.press('/');
    await page.keyboard.type('qqqqzzzz');
    await page.locator('.hits .none').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.locator('.hits').isHidden()).toBe(true);
    expect(faults).toEqual([]);
    await page.close();
  });
});
