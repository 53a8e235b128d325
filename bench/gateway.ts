/**
 * What a gateway adds: a stub that answers at once is asked directly, through `preftune serve` (without and with its record), through TensorZero's embedded gateway and
 * through LiteLLM's proxy, in turns, at fixed rates.
 *
 *     python -m venv consumers && consumers/bin/pip install "litellm[proxy]" tensorzero==2026.6.0 openai
 *     npm run build && npx tsx bench/gateway.ts [--python consumers/bin/python] [--rates 100,300,1000] [--seconds 6] [--turns 3] [--store FOLDER]
 *
 * Requests leave at their times whatever became of those before (open loop), and a time counts from when a request was due, so a slow side cannot hide by being asked
 * less or later. A thread that does nothing else keeps the time; how late requests left is in the figures of the stub. Only ours keeps a record: TensorZero writes to
 * ClickHouse alone, which is not here, so its observability is off, and LiteLLM has no database. A side that cannot keep a rate is left out of higher ones.
 * Writes bench/results/gateway.json.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { machine } from './machine.ts';

const { values } = parseArgs({
  options: {
    python: { type: 'string' },
    rates: { type: 'string', default: '100,300,1000' },
    seconds: { type: 'string', default: '6' },
    turns: { type: 'string', default: '3' },
    store: { type: 'string' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'preftune-gateway-'));
const stores = values.store === undefined ? folder : mkdtempSync(join(values.store, 'preftune-gateway-'));
const seconds = Number(values.seconds);
const turns = Number(values.turns);
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

/** In a thread of its own, so that it answers while requests are being made. */
const stub = new Worker(
  `const { createServer } = require('node:http');
   const { parentPort, workerData } = require('node:worker_threads');
   const server = createServer((incoming, answer) => {
     incoming.resume().on('end', () => answer.writeHead(200, { 'content-type': 'application/json' }).end(workerData));
   });
   server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
  { eval: true, workerData: ANSWER },
);
const stubUrl = `http://127.0.0.1:${await new Promise<number>((resolve) => stub.once('message', resolve))}/v1`;

interface Side {
  readonly name: string;
  /** Up to and with /v1. */
  readonly url: string;
  readonly model: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 512 });

async function ask({ url, model }: Side): Promise<void> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Say hello to the stub.' }] });
  const headers = {
    'content-type': 'application/json',
    authorization: 'Bearer sk-stub',
    'content-length': body.length,
  };
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/chat/completions`, { method: 'POST', agent, headers }, (answer) => {
      answer.resume();
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`${url}: ${answer.statusCode}`));
      });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

/** The first address that a program prints. */
async function addressOf(child: ChildProcess, what: string): Promise<string> {
  children.push(child);
  return new Promise((resolve, reject) => {
    child.stdout!.on('data', (data: Buffer) => {
      const found = /http:\/\/[\d.:]+/.exec(data.toString())?.[0];
      if (found !== undefined) resolve(found);
    });
    child.on('close', () => reject(new Error(`${what} ended`)));
  });
}

async function startOwn(log: string): Promise<Side> {
  const config = join(folder, `${log}.json`);
  writeFileSync(config, JSON.stringify({ upstreams: [{ name: 'stub', baseUrl: stubUrl }] }));
  const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
  const words = ['serve', '--config', config, '--port', '0', '--store', join(stores, log), '--log', log];
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { name: `preftune, ${log}`, url: `${await addressOf(child, 'serve')}/v1`, model: 'stub' };
}

/** The gateway as a server in a Python process, which is how it is embedded behind a client of OpenAI's. */
async function startTensorzero(python: string): Promise<Side> {
  const config = join(folder, 'tensorzero.toml');
  const provider = `type = "openai"\napi_base = "${stubUrl}/"\nmodel_name = "stub"\napi_key_location = "none"`;
  writeFileSync(
    config,
    `[gateway]\nobservability.enabled = false\n[models.stub]\nrouting = ["stub"]\n[models.stub.providers.stub]\n${provider}\n`,
  );
  const script = `
import sys, time, openai, tensorzero
client = tensorzero.patch_openai_client(openai.OpenAI(api_key="none"), config_file=sys.argv[1], async_setup=False)
print(client.base_url, flush=True)
while True: time.sleep(60)`;
  const child = spawn(python, ['-W', 'ignore', '-c', script, config], { stdio: ['ignore', 'pipe', 'ignore'] });
  const url = `${await addressOf(child, 'TensorZero')}/openai/v1`;
  return { name: 'TensorZero, embedded', url, model: 'tensorzero::model_name::stub' };
}

async function startLitellm(python: string): Promise<Side> {
  const config = join(folder, 'litellm.yaml');
  writeFileSync(
    config,
    `model_list:\n  - model_name: stub\n    litellm_params:\n      model: openai/stub\n      api_base: ${stubUrl}\n      api_key: sk-stub\n`,
  );
  // It asks for a key of its own, which costs it a comparison; on this machine alone it may go without.
  const environment = { ...process.env, LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY: 'true' };
  const words = ['--config', config, '--port', '18090', '--host', '127.0.0.1'];
  const child = spawn(join(dirname(python), 'litellm'), words, { stdio: 'ignore', env: environment });
  children.push(child);
  const side: Side = { name: 'LiteLLM', url: 'http://127.0.0.1:18090/v1', model: 'stub' };
  const answers = async (): Promise<boolean> =>
    ask(side).then(
      () => true,
      () => false,
    );
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error('litellm ended');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return side;
}

/** Wakes the caller at each time of a rate: timers of an event loop round to milliseconds. */
async function atRate(rate: number, count: number, tick: (due: number) => void): Promise<void> {
  const ticker = new Worker(
    `const { parentPort, workerData: { rate, count } } = require('node:worker_threads');
     const cell = new Int32Array(new SharedArrayBuffer(4));
     const now = () => performance.timeOrigin + performance.now();
     const began = now() + 50;
     for (let sent = 0; sent < count; sent++) {
       const due = began + (sent * 1000) / rate;
       const early = due - now();
       if (early > 0) Atomics.wait(cell, 0, 0, early);
       parentPort.postMessage(due);
     }`,
    { eval: true, workerData: { rate, count } },
  );
  ticker.on('message', tick);
  await new Promise((resolve) => ticker.once('exit', resolve));
}

/** Milliseconds on the clock that threads share. */
const now = (): number => performance.timeOrigin + performance.now();

interface Sample {
  readonly times: number[];
  readonly late: number[];
  failed: number;
}

async function measure(side: Side, rate: number): Promise<Sample> {
  const sample: Sample = { times: [], late: [], failed: 0 };
  const waiting: Promise<void>[] = [];
  await atRate(rate, rate * seconds, (due) => {
    sample.late.push(now() - due);
    waiting.push(
      ask(side).then(
        () => void sample.times.push(now() - due),
        () => void sample.failed++,
      ),
    );
  });
  await Promise.all(waiting);
  return sample;
}

/** Milliseconds of flushes of 32 KiB in place, which is what a commit writes, where the stores are. */
function flushes(count: number): number[] {
  const path = join(stores, 'flushes');
  const piece = Buffer.alloc(32_768, 1);
  writeFileSync(path, Buffer.alloc(piece.length * 50));
  const file = openSync(path, 'r+');
  fdatasyncSync(file);
  const times = Array.from({ length: count }, (_, turn) => {
    const began = performance.now();
    writeSync(file, piece, 0, piece.length, (turn % 50) * piece.length);
    fdatasyncSync(file);
    return performance.now() - began;
  });
  closeSync(file);
  return times;
}

function at(share: number, times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(2));
}

const figuresOf = (times: readonly number[]) => ({
  minMs: at(0, times),
  medianMs: at(0.5, times),
  p99Ms: at(0.99, times),
});

try {
  mkdirSync(stores, { recursive: true });
  const direct: Side = { name: 'direct', url: stubUrl, model: 'stub' };
  const sides = [direct, await startOwn('off'), await startOwn('text')];
  if (values.python === undefined) process.stdout.write('TensorZero and LiteLLM are left out: no --python\n');
  else sides.push(await startTensorzero(values.python), await startLitellm(values.python));
  for (const side of sides) for (let warm = 0; warm < 1000; warm++) await ask(side);
  const results: Record<string, object> = {};
  const disk: number[] = [];
  const load = { before: loadavg()[0]!, after: 0 };
  const overrun = new Set<Side>();
  for (const rate of values.rates.split(',').map(Number)) {
    const all = new Map<Side, Sample[]>();
    for (let turn = 0; turn < turns; turn++) {
      disk.push(...flushes(300));
      for (const side of sides) {
        if (overrun.has(side)) continue;
        const sample = await measure(side, rate);
        all.set(side, [...(all.get(side) ?? []), sample]);
        if (at(0.5, sample.times) > 1000) overrun.add(side);
      }
    }
    for (const [side, samples] of all) {
      const figures = {
        asked: samples.length * rate * seconds,
        failed: samples.reduce((sum, { failed }) => sum + failed, 0),
        ...figuresOf(samples.flatMap(({ times }) => times)),
        p99MsOfTurns: samples.map(({ times }) => at(0.99, times)),
        ...(side === direct && { lateMs: figuresOf(samples.flatMap(({ late }) => late)) }),
      };
      results[`${rate}/s ${side.name}`] = figures;
      process.stdout.write(`${rate}/s ${side.name}: ${JSON.stringify(figures)}\n`);
    }
  }
  const flush = figuresOf(disk);
  load.after = loadavg()[0]!;
  process.stdout.write(`a flush of 32 KiB in place: ${JSON.stringify(flush)}\n`);
  writeFileSync(
    join(import.meta.dirname, 'results', 'gateway.json'),
    `${JSON.stringify({ seconds, turns, results, flush, load, machine: machine() }, null, 2)}\n`,
  );
} finally {
  for (const child of children) child.kill('SIGKILL');
  agent.destroy();
  await stub.terminate();
  rmSync(folder, { recursive: true, force: true });
  rmSync(stores, { recursive: true, force: true });
}
