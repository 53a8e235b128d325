import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { writeSeededAdapter } from './support/adapters.ts';
import { startTestServer, type TestServer } from './support/server.ts';
import { temporaryFolder } from './support/tiny-model.ts';

/** The page, as people see it: every screen, by mouse, by keys alone and on a phone, under the policy that the server sends. */
const ROOT = join(import.meta.dirname, '..');
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
if (CHROMIUM === undefined) process.stderr.write('skipped: page.browser.test.ts needs chromium in /usr/bin\n');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const SCREENS = {
  '': 'Overview',
  playground: 'Playground',
  label: 'Label',
  campaigns: 'Campaigns',
  feedback: 'Feedback',
  logs: 'Logs',
  rows: 'Rows',
  jobs: 'Jobs',
  experiments: 'Experiments',
  versions: 'Versions',
  settings: 'Settings',
} as const;

beforeAll(async () => {
  if (!existsSync(join(ROOT, 'dist', 'web', 'index.html')))
    await build({ configFile: join(ROOT, 'web', 'vite.config.ts'), logLevel: 'error' });
});

test('what a browser loads first is small, and nothing comes from elsewhere', () => {
  const index = readFileSync(join(ROOT, 'dist', 'web', 'index.html'), 'utf8');
  const files = [...index.matchAll(/(?:src|href)="\/ui\/(assets\/[^"]+\.js)"/g)].map((match) => match[1]!);
  const bytes = files.map((file) => gzipSync(readFileSync(join(ROOT, 'dist', 'web', file))).byteLength);
  expect(files.length).toBeGreaterThan(0);
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(150 * 1024);
  expect(index).not.toMatch(/https?:\/\//);
});

describe.skipIf(CHROMIUM === undefined)('in Chromium', () => {
  const folder = temporaryFolder();
  let at: TestServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    at = await startTestServer({ store: `${folder.path}/store`, log: 'text', given: { adapterRoot: folder.path } });
    await at.server.adapters.load({
      name: 'friendly',
      path: await writeSeededAdapter(folder.path, 1),
      base: 'embedded-model',
    });
    browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: ['--headless', '--no-sandbox', '--disable-gpu'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    await at?.close();
    folder.remove();
  });
  beforeEach(async () => open({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' }));
  afterEach(() => context.close());

  /** What goes wrong is collected: exceptions, refusals of the content policy, requests to anybody else. */
  async function open(options: Parameters<Browser['newContext']>[0]): Promise<void> {
    context = await browser.newContext(options);
    page = await context.newPage();
    page.setDefaultTimeout(60_000);
    faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('request', (request) => request.url().startsWith(at.server.url) || faults.push(request.url()));
  }

  async function show(screen: string): Promise<void> {
    await page.goto(`${at.server.url}/ui/${screen}`);
    await page.locator('h1').first().waitFor();
    await page.locator('[aria-label="loading"]').first().waitFor({ state: 'detached' });
  }

  /** What keeps people out, by axe: rule and first element. */
  async function barriers(): Promise<string[]> {
    await page.evaluate(AXE);
    const found = (await page.evaluate('axe.run()')) as { violations: { id: string; nodes: { html: string }[] }[] };
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html.slice(0, 160)}`);
  }

  test.each([
    ['wide, light', { viewport: { width: 1280, height: 900 }, colorScheme: 'light' }],
    ['a phone, dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
  ] as const)(
    '%s: every screen says what it is, has no barrier, and fits',
    { timeout: 240_000 },
    async (_, options) => {
      await context.close();
      await open(options);
      for (const [screen, title] of Object.entries(SCREENS)) {
        await show(screen);
        expect(await page.locator('h1').textContent()).toBe(title);
        expect([screen, await barriers()]).toEqual([screen, []]);
        const beyond = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        expect([screen, beyond]).toEqual([screen, 0]);
      }
      expect(faults).toEqual([]);
    },
  );

  test('a question, its answer, a thumb: they are in the store', { timeout: 120_000 }, async () => {
    await show('playground');
    await page.getByLabel('Your words').fill('What is a good breakfast?');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('button', { name: 'Good' }).click();
    await page.getByText('Kept, thank you.').waitFor();
    await page.getByRole('button', { name: 'Token probabilities' }).click();
    await page.getByText(/nats a token/).waitFor();
    await show('logs');
    await page.getByText('What is a good breakfast?').first().click();
    await page.getByText('answer', { exact: true }).waitFor();
    await show('feedback');
    await page.getByText('good', { exact: true }).waitFor();
    await show('rows');
    await page.getByRole('button', { name: 'Make them anew' }).click();
    await page.getByText('1 signals made 0 pairs, 1 single answers').waitFor();
    await page.getByRole('button', { name: 'Leave it out' }).click();
    await page.getByText('rejected', { exact: true }).last().waitFor();
    expect(faults).toEqual([]);
  });

  test('prod is set, a candidate passes by a person, is promoted, and rolled back', { timeout: 120_000 }, async () => {
    await show('versions');
    // The base stands first; its adapter names it too.
    await page.getByRole('button', { name: 'Make it prod' }).first().click();
    await page.getByText('embedded-model answers as prod').waitFor();
    await page.getByRole('button', { name: 'Take it as a candidate' }).click();
    await page.getByText('waits for its gate').waitFor();
    await page.getByLabel('Why', { exact: true }).fill('the team read 50 answers');
    await page.getByRole('button', { name: 'Let it pass' }).click();
    await page.getByText('passed its gate').waitFor();
    await page.getByLabel('Why', { exact: true }).fill('the team agreed');
    await page.getByRole('button', { name: 'Promote to prod' }).click();
    await page.getByText('friendly answers as prod', { exact: true }).waitFor();
    await page.getByLabel(/Why it goes back/).fill('answers got shorter');
    await page.getByRole('button', { name: 'Roll back' }).click();
    await page.getByText('embedded-model answers as prod').waitFor();
    expect(await at.ledger!.versions.aliases()).toEqual({ prod: 'embedded-model' });
    expect(faults).toEqual([]);
  });

  test('by keys alone: past the list of screens, to another screen, through a form', { timeout: 120_000 }, async () => {
    await show('');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.getByRole('link', { name: 'Settings' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    await page.getByRole('textbox', { name: 'Person' }).focus();
    await page.keyboard.type('nobody');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Erase for good' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('Erased: 0 answers').waitFor();
    expect(faults).toEqual([]);
  });

  test(
    'two people compare by keys alone; votes name answers, and one that is taken back comes again',
    { timeout: 120_000 },
    async () => {
      const rows = [1, 2, 3].map((place) => ({
        prompt: `Question ${place}?`,
        chosen: `A good answer, number ${place}.`,
        rejected: `A bad one, ${place}.`,
      }));
      const made = await fetch(`${at.baseURL}/preftune/campaigns`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'Three questions', rows, settings: { repeat_share: 0, gold_share: 0 } }),
      });
      const { id } = (await made.json()) as { id: string };
      await show(`label?campaign=${id}`);
      await page.getByLabel('Your name').fill('Ann');
      await page.keyboard.press('Enter');
      const left = page.getByLabel('Left answer');
      const asked = page.getByRole('region', { name: 'What was asked' });
      for (const place of [0, 1, 2]) {
        await expect.poll(() => left.textContent()).toMatch(/answer|bad one/);
        const question = await asked.textContent();
        await page.keyboard.press((await left.textContent())!.includes('good') ? '2' : '5');
        if (place === 2) break;
        await expect.poll(() => asked.textContent()).not.toBe(question);
      }
      await page.getByText(/Nothing more for you|Everything is done/).waitFor();
      await page.keyboard.press('u');
      await left.waitFor();
      await page.keyboard.press('n');
      await page.keyboard.type('2 is a letter here');
      await page.keyboard.press('Escape');
      await page.keyboard.press('0');
      await page.getByText(/Nothing more for you|Everything is done/).waitFor();
      const answer = await fetch(`${at.baseURL}/preftune/campaigns/${id}/export?format=votes`);
      const votes = (await answer.text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(JSON.stringify(votes)).toContain('2 is a letter here');
      expect(votes.filter((vote) => JSON.stringify(vote).includes('A good answer')).length).toBeGreaterThanOrEqual(2);
      expect(faults).toEqual([]);
    },
  );

  test('what a model writes is text: no HTML, no script, no picture of elsewhere', { timeout: 120_000 }, async () => {
    const hostile = [
      '<img src=x onerror="document.title=1">',
      '![a](https://elsewhere.example/a.png)',
      '[b](javascript:document.title=2)',
      '<script>document.title=3</script>',
    ].join('\n\n');
    await at.ledger!.inferences.begin({
      id: 'chatcmpl-hostile',
      createdAt: Date.now(),
      route: 'chat',
      requestedModel: 'embedded-model',
      versionId: 'v',
      backend: 'engine',
      parameters: {},
      request: { messages: [{ role: 'user', content: hostile }] },
    });
    await show('logs?id=chatcmpl-hostile');
    await page.getByText('<img src=x').last().waitFor();
    await page.getByText('[picture: a]').last().waitFor();
    expect(await page.title()).toBe('Logs · preftune');
    expect(await page.locator('main a[href^="javascript"], main img, main script').count()).toBe(0);
    expect(faults).toEqual([]);
  });
});
