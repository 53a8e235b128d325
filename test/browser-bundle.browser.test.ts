import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOMS } from '../scripts/check-imports.ts';
import { bundleOf, claimedFiles, type Bundle } from './browser/bundle.ts';
import { compute } from './browser/compute.ts';

/**
 * What claims to run in a browser (ROOMS of scripts/check-imports.ts), bundled by vite and loaded in Chromium: rows, tokens, graphs, gradients, passes
 * and ONNX come out as they do in Node. Opening a device, storing references and finding files are the page's own.
 */
const MODEL = join(import.meta.dirname, '..', 'assets', 'embedded-model');
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
if (CHROMIUM === undefined)
  process.stderr.write('skipped: browser-bundle.browser.test.ts needs chromium in /usr/bin\n');

let bundle: Bundle;
beforeAll(async () => {
  bundle = await bundleOf(claimedFiles());
});

test('what a browser runs needs no Node module and no runtime of Node', () => {
  expect(bundle.outside).toEqual([]);
  const claimed = ROOMS.filter(({ isBrowser, browserFiles }) => isBrowser === true || browserFiles !== undefined);
  const folders = new Set(claimedFiles().map((file) => file.split('/')[0]));
  expect([...folders].toSorted()).toEqual(claimed.map(({ name }) => name).toSorted());
  expect(claimedFiles()).toEqual(
    expect.arrayContaining([
      'formats/gguf/gguf.ts',
      'generate/engine.ts',
      'policy/place-model.ts',
      'policy/policy.ts',
      'score/reference.ts',
      'train/loop/loop.ts',
      'train/recipes/preference-task.ts',
    ]),
  );
});

test('what needs Node would be found', async () => {
  const { outside } = await bundleOf(['policy/node/open-policy.ts', 'score/node-reference-store.ts']);
  expect(outside).toEqual(expect.arrayContaining(['node:fs', 'node:os', 'node:worker_threads']));
});

describe.skipIf(CHROMIUM === undefined)('in Chromium', () => {
  let browser: Browser;
  let server: Server;
  let url: string;

  beforeAll(async () => {
    const [entry] = bundle.files.keys();
    const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="/${entry}"></script>`;
    server = createServer(({ url: path = '/' }, response) => {
      const script = bundle.files.get(path.slice(1));
      const [type, content] =
        path === '/'
          ? ['text/html', page]
          : script !== undefined
            ? ['text/javascript', script]
            : ['application/octet-stream', readFileSync(join(MODEL, path.replace('/model/', '')))];
      response.writeHead(200, { 'content-type': type }).end(content);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: ['--headless', '--no-sandbox', '--disable-gpu'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test('every file loads, and computes what Node computes', async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(100_000);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => faults.push(message.text()));
    await page.goto(url);
    const isThere = (): Promise<unknown> => page.evaluate('globalThis.compute !== undefined');
    await expect.poll(isThere, { timeout: 60_000, message: faults.join('\n') }).toBe(true);
    expect(await page.evaluate('Object.keys(globalThis.modules)')).toEqual(claimedFiles());
    expect(await page.evaluate('typeof globalThis.process + typeof globalThis.Buffer')).toBe('undefinedundefined');
    const { interpreted, ...found } = await page.evaluate<Awaited<ReturnType<typeof compute>>>(
      'compute(async (name) => new Uint8Array(await (await fetch(`/model/${name}`)).arrayBuffer()))',
    );
    const { interpreted: numbers, ...expected } = await compute(
      async (name) => new Uint8Array(readFileSync(join(MODEL, name))),
    );
    expect(found).toEqual(JSON.parse(JSON.stringify(expected)));
    // Chromium's V8 rounds the last digit of an exponential or a cosine otherwise than Node's.
    const [got, wanted] = [interpreted, numbers].map(({ losses, gradient }) => [...losses, ...gradient]);
    expect(got!.length).toBe(34);
    got!.forEach((value, i) => expect(value).toBeCloseTo(wanted![i]!, 11));
    expect(faults).toEqual([]);
    await page.close();
  });
});
