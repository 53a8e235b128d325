/**
 * What a gateway adds: a stub that answers at once is asked directly, through `preftune serve` with its record on, and through LiteLLM's proxy, in turns, at fixed rates.
 *
 *     python -m venv consumers && consumers/bin/pip install "litellm[proxy]"
 *     npm run build && npx tsx bench/gateway.ts [--litellm consumers/bin/litellm] [--rates 100,300] [--seconds 8]
 *
 * Requests leave at their times whatever became of those before (open loop), so that a slow side cannot hide by being asked less. Writes bench/results/gateway.json.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from './machine.ts';

const { values } = parseArgs({
  options: {
    litellm: { type: 'string' },
    rates: { type: 'string', default: '100,300' },
    seconds: { type: 'string', default: '8' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'preftune-gateway-'));
const seconds = Number(values.seconds);
const children: ChildProcess[] = [];

const ANSWER = JSON.stringify({
  id: 'chatcmpl-stub',
  object: 'chat.completion',
  created: 1,
  model: 'stub',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'Hello there.' }, logprobs: null, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
});
const stub = createServer((incoming, answer) => {
  incoming.resume().on('end', () => answer.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER));
});
await new Promise<void>((resolve) => stub.listen(0, '127.0.0.1', resolve));
const stubUrl = `http://127.0.0.1:${(stub.address() as AddressInfo).port}`;

const agent = new Agent({ keepAlive: true, maxSockets: 512 });
async function ask(url: string): Promise<number> {
  const began = performance.now();
  const body = JSON.stringify({ model: 'stub', messages: [{ role: 'user', content: 'Say hello to the stub.' }] });
  return new Promise((resolve, reject) => {
    const asked = request(
      `${url}/v1/chat/completions`,
      {
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json', authorization: 'Bearer sk-stub', 'content-length': body.length },
      },
      (answer) => {
        answer.resume();
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(performance.now() - began);
          else reject(new Error(`${url}: ${answer.statusCode}`));
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

async function startOwn(log: string): Promise<string> {
  const config = join(folder, `${log}.json`);
  writeFileSync(config, JSON.stringify({ upstreams: [{ name: 'stub', baseUrl: `${stubUrl}/v1` }] }));
  const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
  const words = ['serve', '--config', config, '--port', '0', '--store', join(folder, log), '--log', log];
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      const found = /http:\/\/[\d.:]+/.exec(data.toString())?.[0];
      if (found !== undefined) resolve(found);
    });
    child.on('close', () => reject(new Error('serve ended')));
  });
}

async function startLitellm(program: string): Promise<string> {
  const config = join(folder, 'litellm.yaml');
  writeFileSync(
    config,
    `model_list:\n  - model_name: stub\n    litellm_params:\n      model: openai/stub\n      api_base: ${stubUrl}/v1\n      api_key: sk-stub\n`,
  );
  // It asks for a key of its own, which costs it a comparison; on this machine alone it may go without.
  const environment = { ...process.env, LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY: 'true' };
  const child = spawn(program, ['--config', config, '--port', '18090', '--host', '127.0.0.1'], {
    stdio: 'ignore',
    env: environment,
  });
  children.push(child);
  const url = 'http://127.0.0.1:18090';
  for (;;) {
    if (
      await ask(url).then(
        () => true,
        () => false,
      )
    )
      return url;
    if (child.exitCode !== null) throw new Error('litellm ended');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

interface Figures {
  readonly asked: number;
  readonly failed: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

async function measure(url: string, rate: number): Promise<Figures> {
  const times: number[] = [];
  let failed = 0;
  const waiting: Promise<void>[] = [];
  const began = performance.now();
  for (let sent = 0; sent < rate * seconds; sent++) {
    const due = began + (sent * 1000) / rate;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    waiting.push(
      ask(url).then(
        (time) => void times.push(time),
        () => void failed++,
      ),
    );
  }
  await Promise.all(waiting);
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  return { asked: rate * seconds, failed, medianMs: at(0.5), p99Ms: at(0.99) };
}

try {
  const sides: [string, string][] = [
    ['direct', stubUrl],
    ['preftune, metadata', await startOwn('metadata')],
    ['preftune, text', await startOwn('text')],
  ];
  if (values.litellm === undefined) process.stdout.write('LiteLLM is left out: --litellm was not given\n');
  else sides.push(['LiteLLM', await startLitellm(values.litellm)]);
  for (const [, url] of sides) for (let warm = 0; warm < 200; warm++) await ask(url);
  const results: Record<string, Figures> = {};
  for (const rate of values.rates.split(',').map(Number))
    for (const [name, url] of sides) {
      const figures = await measure(url, rate);
      results[`${rate}/s ${name}`] = figures;
      process.stdout.write(
        `${rate}/s ${name}: median ${figures.medianMs.toFixed(2)} ms, p99 ${figures.p99Ms.toFixed(2)} ms, ${figures.failed} failed\n`,
      );
    }
  writeFileSync(
    join(import.meta.dirname, 'results', 'gateway.json'),
    `${JSON.stringify({ seconds, results, machine: machine() }, null, 2)}\n`,
  );
} finally {
  for (const child of children) child.kill('SIGKILL');
  stub.closeAllConnections();
  stub.close();
  agent.destroy();
  rmSync(folder, { recursive: true, force: true });
}
