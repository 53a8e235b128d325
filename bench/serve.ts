/**
 * Two servers on the same weights, asked by the same clients in turns: tokens a second, time to the first token, and the slowest of a hundred, at 1, 4, 16 and 64 clients.
 *
 *     preftune export MODEL --to gguf --gguf-type Q8_0 --output MODEL-Q8_0.gguf
 *     npm run build && npx tsx bench/serve.ts --model MODEL [--precision int8] [--llama llama-server --gguf MODEL-Q8_0.gguf] [--clients 1,4,16,64] [--repeats 3]
 *
 * Without --llama only our side is measured. Every client asks for a stream of 64 tokens behind a prompt of its own of about 80 tokens, greedy, again and again, until
 * each load has so many answers. Writes bench/results/serve.json.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    precision: { type: 'string', default: 'int8' },
    llama: { type: 'string' },
    gguf: { type: 'string' },
    clients: { type: 'string', default: '1,4,16,64' },
    repeats: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    tokens: { type: 'string', default: '64' },
  },
});
if (values.model === undefined) throw new Error('--model must be given');
const tokens = Number(values.tokens);
const most = Math.max(...values.clients.split(',').map(Number));
const folder = mkdtempSync(join(tmpdir(), 'preftune-bench-serve-'));

interface Side {
  readonly name: string;
  readonly url: string;
  readonly model: string;
  readonly child: ChildProcess;
}

async function startOwn(): Promise<Side> {
  const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
  const words = [
    'serve',
    '--model',
    values.model!,
    '--served-model-name',
    'm',
    '--port',
    '0',
    '--store',
    join(folder, 'store'),
  ];
  const settings = ['--base-precision', values.precision, '--threads', values.threads, '--batch-size', '32'];
  const child = spawn(process.execPath, [main, ...words, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (data: Buffer) => {
      const found = /http:\/\/[\d.:]+/.exec(data.toString())?.[0];
      if (found !== undefined) resolve(found);
    });
    child.on('close', () => reject(new Error('serve ended')));
  });
  return { name: `preftune ${values.precision}`, url, model: 'm', child };
}

async function startLlama(): Promise<Side> {
  const port = 18_080;
  const slots = Math.min(most, 32);
  const words = [
    '-m',
    values.gguf!,
    '--port',
    String(port),
    '-t',
    values.threads,
    '-np',
    String(slots),
    '-c',
    String(512 * slots),
    '--no-webui',
  ];
  const child = spawn(values.llama!, words, { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    const isReady = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) break;
    if (child.exitCode !== null) throw new Error('llama-server ended');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { name: `llama.cpp ${basename(values.gguf!)}`, url, model: 'm', child };
}

interface Answer {
  readonly firstMs: number;
  readonly totalMs: number;
  readonly tokens: number;
}

const WORDS =
  'river stone cloud house garden window letter music winter bridge paper silver forest kitchen market'.split(' ');

async function ask({ url, model }: Side, seed: number): Promise<Answer> {
  const text = Array.from(
    { length: 48 },
    (_, i) => WORDS[(seed * 7 + i * (seed % 5 === 0 ? 2 : 1)) % WORDS.length],
  ).join(' ');
  const began = performance.now();
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content: `Tell a long story (${seed}) with these words: ${text}` }],
      temperature: 0,
      max_tokens: tokens,
      stream: true,
      stream_options: { include_usage: true },
    }),
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  let [firstMs, count, rest] = [0, 0, ''];
  for await (const part of answer.body!) {
    rest += Buffer.from(part).toString();
    const lines = rest.split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (!line.startsWith('data: {')) continue;
      const chunk = JSON.parse(line.slice(6)) as {
        choices: { delta: { content?: string } }[];
        usage?: { completion_tokens: number } | null;
      };
      if (firstMs === 0 && (chunk.choices[0]?.delta.content ?? '') !== '') firstMs = performance.now() - began;
      count = chunk.usage?.completion_tokens ?? count;
    }
  }
  return { firstMs, totalMs: performance.now() - began, tokens: count };
}

interface Load {
  readonly failed: number;
  readonly tokensPerSecond: number;
  readonly firstMs: number;
  readonly firstP99Ms: number;
  readonly totalP99Ms: number;
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

let seed = 0;
async function measure(side: Side, clients: number): Promise<Load> {
  const answers: Answer[] = [];
  let left = Math.max(4, clients * 2);
  let failed = 0;
  const began = performance.now();
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      // A server that closes connections under load loses these answers, and is said to.
      const answer = await ask(side, ++seed).catch(() => undefined);
      if (answer === undefined) failed++;
      else answers.push(answer);
    }
  };
  await Promise.all(Array.from({ length: clients }, work));
  const seconds = (performance.now() - began) / 1000;
  const first = answers.map(({ firstMs }) => firstMs).toSorted((a, b) => a - b);
  const total = answers.map(({ totalMs }) => totalMs).toSorted((a, b) => a - b);
  return {
    failed,
    tokensPerSecond: answers.reduce((sum, answer) => sum + answer.tokens, 0) / seconds,
    firstMs: median(first),
    firstP99Ms: quantile(first, 0.99),
    totalP99Ms: quantile(total, 0.99),
  };
}

const sides: Side[] = [];
try {
  sides.push(await startOwn());
  if (values.llama === undefined || values.gguf === undefined)
    process.stdout.write('llama.cpp is left out: --llama and --gguf were not given\n');
  else sides.push(await startLlama());
  for (const side of sides) await ask(side, ++seed);
  const loads = new Map<string, Load[]>();
  for (let repeat = 0; repeat < Number(values.repeats); repeat++)
    for (const clients of values.clients.split(',').map(Number))
      for (const side of repeat % 2 === 0 ? sides : sides.toReversed()) {
        const load = await measure(side, clients);
        const key = `${clients} ${side.name}`;
        loads.set(key, [...(loads.get(key) ?? []), load]);
        process.stdout.write(
          `${key}: ${load.tokensPerSecond.toFixed(1)} tokens/s, first ${load.firstMs.toFixed(0)} ms, p99 ${load.firstP99Ms.toFixed(0)}\n`,
        );
      }
  const summary = Object.fromEntries(
    [...loads].map(([key, all]) => [
      key,
      {
        tokensPerSecond: {
          most: Math.max(...all.map((one) => one.tokensPerSecond)),
          median: median(all.map((one) => one.tokensPerSecond)),
        },
        firstMs: { least: Math.min(...all.map((one) => one.firstMs)), median: median(all.map((one) => one.firstMs)) },
        failed: all.reduce((sum, one) => sum + one.failed, 0),
        firstP99Ms: median(all.map((one) => one.firstP99Ms)),
        totalP99Ms: median(all.map((one) => one.totalP99Ms)),
      },
    ]),
  );
  const result = {
    model: basename(values.model),
    tokens,
    repeats: Number(values.repeats),
    summary,
    machine: machine(),
  };
  writeFileSync(join(import.meta.dirname, 'results', 'serve.json'), `${JSON.stringify(result, null, 2)}\n`);
} finally {
  for (const { child } of sides) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
