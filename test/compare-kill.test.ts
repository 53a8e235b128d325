import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../src/core/index.ts';
import { startJudgeServer, type JudgeServer, type ServedRequest } from '../src/judge/testing/judge-server.ts';
import { buildCli } from './support/built-cli.ts';
import { temporaryFolder, writeRows } from './support/tiny-model.ts';

/** Kill -9 while a language model judges: what was paid for is there afterwards, and the comparison ends as one that was left alone. */
const KILLS = 10;
const CONCURRENCY = 3;
const PROMPTS = 30;

const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let server: JudgeServer;
/** Called with each question before its answer leaves. */
let onQuestion: (request: ServedRequest) => void = () => undefined;

beforeAll(async () => {
  const prompts = Array.from({ length: PROMPTS }, (_, i) => ({ id: `p${i}`, prompt: `Question ${i}?` }));
  writeRows(at('prompts.jsonl'), prompts as never);
  writeRows(at('plain.jsonl'), prompts.map(({ id }, i) => ({ id, answer: `Yes ${i}.` })) as never);
  writeRows(at('kind.jsonl'), prompts.map(({ id }, i) => ({ id, answer: `Gladly: ${i}.` })) as never);
  server = await startJudgeServer((request) => {
    onQuestion(request);
    const text = request.body.messages.at(-1)!.content;
    const winner = text.indexOf('Gladly') < text.indexOf('Yes') ? 'first' : 'second';
    const answer = JSON.stringify({ rationale: 'it is kinder', winner, confidence: 0.9 });
    return { kind: 'answer', text: answer, afterMs: 5 };
  });
});
afterAll(async () => {
  await server?.close();
  folder.remove();
});

/** Runs the comparison to its end, or until it is killed; resolves with the exit code, null when it was killed. */
function compare(name: string, killAfter?: number): Promise<number | null> {
  mkdirSync(at(name), { recursive: true });
  const words = `compare plain.jsonl kind.jsonl --prompts prompts.jsonl --judge-model judge --judge-url ${server.url} --concurrency ${CONCURRENCY} --json --judge-store ${name}/calls --output ${name}/comparison`;
  const child = spawn(process.execPath, [buildCli(), ...words.split(' ')], {
    cwd: folder.path,
    env: { ...process.env, XDG_CACHE_HOME: at('cache') },
    stdio: 'ignore',
  });
  let asked = 0;
  onQuestion = () => {
    if (++asked === killAfter) child.kill('SIGKILL');
  };
  return new Promise((resolve) => child.on('exit', (code) => resolve(code)));
}

function result(name: string): unknown {
  return JSON.parse(readFileSync(at(name, 'comparison', 'comparison.json'), 'utf8'));
}

it(
  'asks nothing twice but what was under way, loses nothing, and comes to the same end',
  { timeout: 120_000 },
  async () => {
    expect(await compare('straight')).toBe(0);
    const calls = 2 * PROMPTS;
    expect(server.requests.length).toBe(calls);
    const random = createRandom(7, 'compare-kill');
    const before = server.requests.length;
    let kills = 0;
    while (kills < KILLS) {
      const code = await compare('killed', 1 + random.nextInt(6));
      if (code === 0) break;
      expect(code).toBeNull();
      kills += 1;
    }
    // Every kill leaves something to do: a few answers come between two of them.
    expect(kills).toBe(KILLS);
    expect(await compare('killed')).toBe(0);
    const asked = server.requests.slice(before).map(({ text }) => text);
    expect(new Set(asked).size).toBe(calls);
    // Answers that were on their way when the process died are lost with it, at most one for each request under way.
    expect(asked.length - calls).toBeLessThanOrEqual(KILLS * CONCURRENCY);
    expect(result('killed')).toEqual(result('straight'));
    expect(result('killed')).toMatchObject({ pairs: [{ model: 'kind', winRate: { rate: 1, count: PROMPTS } }] });
    // Nothing is left to ask.
    const done = server.requests.length;
    expect(await compare('killed')).toBe(0);
    expect(server.requests.length).toBe(done);
  },
);
