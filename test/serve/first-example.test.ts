import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { buildCli } from '../support/built-cli.ts';
import { temporaryFolder } from '../support/tiny-model.ts';

/** The first example of docs/serving.md, as it stands there, with OpenAI's own client. */
const ROOT = join(import.meta.dirname, '..', '..');
const folder = temporaryFolder();
const stops: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of stops) await stop();
  folder.remove();
});

/** The first block of its kind in the page. */
function block(kind: string): string {
  const page = readFileSync(join(ROOT, 'docs', 'serving.md'), 'utf8');
  return new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)![1]!;
}

/** The command of the page, on a port that is free; resolves with its address when it answers. */
async function serve(): Promise<string> {
  const words = block('sh').trim().split(' ').slice(2);
  const child = spawn(process.execPath, [buildCli(), ...words, '--port', '0'], { cwd: folder.path });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  stops.push(async () => {
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });
  let text = '';
  child.stderr.on('data', (data: Buffer) => (text += data.toString()));
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      const url = /http:\/\/[\d.:]+\/v1/.exec(data.toString())?.[0];
      if (url !== undefined) resolve(url);
    });
    void ended.then((code) => reject(new Error(`ended with ${code}: ${text}`)));
  });
}

test('chats, uploads sixty pairs, fine-tunes with dpo, and chats with the result', { timeout: 240_000 }, async () => {
  mkdirSync(join(folder.path, 'assets'));
  symlinkSync(join(ROOT, 'assets', 'embedded-model'), join(folder.path, 'assets', 'embedded-model'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  const url = await serve();
  const script = block('js').replace('http://127.0.0.1:8000/v1', url);
  expect(script).toContain(url);
  writeFileSync(join(folder.path, 'example.mjs'), script);
  const child = spawn(process.execPath, ['example.mjs'], { cwd: folder.path });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^before: A dog is /m);
  expect(out).toMatch(/^succeeded ft:embedded-model:preftune:brief:[0-9a-f]{8} $/m);
  expect(out).toMatch(/^before: .*I hope this helps you!$/m);
  expect(out).toMatch(/^after: (?!.*hope).*house\.$/m);
});
