/**
 * Mixed load on a server for a long time, at a rate that takes about a third of a core, and whether its memory and its handles stay as they are: chats whole and as streams,
 * completions, clients that go in the middle, refusals, adapters in and out, fine-tuning jobs, keys made and revoked, stored answers read, figures read.
 *
 *     npm run build && npx tsx bench/soak.ts [MINUTES] [--snapshots DIR]
 *
 * Writes bench/results/soak.json, also while it runs. With --snapshots it keeps V8's heap of the beginning of the second half and of the end.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../src/core/index.ts';
import { writeSeededAdapter } from '../test/support/adapters.ts';
import { machine } from './machine.ts';
import type { Sample } from './soak-server.ts';
import { trendOf, type Trend } from './soak-verdict.ts';

const minutes = Number(process.argv[2] ?? 60);
const snapshots = process.argv.includes('--snapshots')
  ? process.argv[process.argv.indexOf('--snapshots') + 1]
  : undefined;
/** Cores of the server. */
const TARGET_LOAD = 0.33;
const SAMPLE_MS = Math.min(30_000, minutes * 1000);
const CLIENTS = 4;
/** Growth of an hour that is still flat, as a share of the level. */
const TOLERANCE = { rssMib: 0.05, heapMib: 0.03, externalMib: 0.05, handles: 0.05, descriptors: 0.05 };

const folder = mkdtempSync(join(tmpdir(), 'preftune-soak-'));
const random = createRandom(1, 'soak');
const counts: Record<string, number> = {};
const statuses: Record<string, number> = {};
const faults: string[] = [];
const samples: Sample[] = [];

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(random.nextFloat() * list.length)]!;
}

const child = fork(join(import.meta.dirname, 'soak-server.ts'), [folder], {
  execArgv: ['--import', 'tsx', '--expose-gc'],
  cwd: join(import.meta.dirname, '..'),
});

function told<T>(from: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('the server is gone'));
    from.once('exit', gone);
    from.once('message', (message) => {
      from.off('exit', gone);
      resolve(message as T);
    });
  });
}

const { url, key } = await told<{ url: string; key: string }>(child);
const adapters: string[] = [];
for (const seed of [1, 2, 3]) adapters.push(await writeSeededAdapter(folder, seed));

async function call(method: string, path: string, body?: object | FormData, signal?: AbortSignal): Promise<Response> {
  const isForm = body instanceof FormData;
  return fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(!isForm && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
    ...(signal && { signal }),
  });
}

/** Reads an answer to its end, and counts it. */
async function whole(answer: Response, wanted: readonly number[] = [200]): Promise<string> {
  const text = await answer.text();
  statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
  if (!wanted.includes(answer.status)) faults.push(`${answer.url}: ${answer.status} ${text.slice(0, 300)}`);
  return text;
}

const WORDS = ['dog', 'cat', 'house', 'river', 'song', 'bread', 'stone', 'winter', 'letter', 'garden'];
let turn = 0;
function chat(more: object = {}): object {
  return {
    model: 'embedded-model',
    messages: [{ role: 'user', content: `What is a ${pick(WORDS)}? (${turn++})` }],
    max_tokens: 1 + Math.floor(random.nextFloat() * 16),
    user: `user-${turn % 500}`,
    ...more,
  };
}

let kept: string[] = [];
let loaded = 0;
let isTraining = false;

/** What clients do, by name. */
const ACTIONS = {
  chat: async () => {
    const { id } = JSON.parse(await whole(await call('POST', '/v1/chat/completions', chat()))) as { id: string };
    kept = [...kept.slice(-50), id];
  },
  stream: async () => {
    const text = await whole(await call('POST', '/v1/chat/completions', chat({ stream: true })));
    if (!text.endsWith('data: [DONE]\n\n')) faults.push(`a stream ended with ${text.slice(-100)}`);
  },
  completion: async () => {
    const body = { model: 'embedded-model', prompt: `A ${pick(WORDS)} is`, max_tokens: 8, echo: true, logprobs: 2 };
    await whole(await call('POST', '/v1/completions', body));
  },
  schema: async () => {
    // Names of their own: what is kept of grammars must have a bound.
    const schema = {
      type: 'object',
      properties: { [`p${turn % 2000}`]: { type: 'boolean' } },
      required: [`p${turn % 2000}`],
      additionalProperties: false,
    };
    const format = { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } };
    await whole(await call('POST', '/v1/chat/completions', chat({ response_format: format, max_tokens: 24 })));
  },
  goes: async () => {
    const controller = new AbortController();
    const body = chat({ stream: true, max_tokens: 100 });
    const answer = await call('POST', '/v1/chat/completions', body, controller.signal);
    const reader = answer.body!.getReader();
    await reader.read();
    controller.abort();
    await reader.read().catch(() => undefined);
    statuses['gone'] = (statuses['gone'] ?? 0) + 1;
  },
  refused: async () => {
    await whole(await call('POST', '/v1/chat/completions', chat({ temperature: -1 })), [400]);
    await whole(await call('POST', '/v1/chat/completions', chat({ model: `m-${turn}` })), [404]);
    await whole(await call('GET', `/v1/files/${turn}`), [404]);
  },
  adapter: async () => {
    const name = `soak-${loaded++ % 7}`;
    await whole(
      await call('POST', '/v1/load_lora_adapter', { lora_name: name, lora_path: pick(adapters), load_inplace: true }),
    );
    await whole(await call('POST', '/v1/chat/completions', chat({ model: name })), [200, 404]);
    await whole(await call('POST', '/v1/unload_lora_adapter', { lora_name: name }), [200, 404]);
  },
  key: async () => {
    const made = JSON.parse(
      await whole(await call('POST', '/v1/preftune/keys', { name: `k-${turn}`, scopes: ['infer'] })),
    ) as { id: string; key: string };
    const asked = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${made.key}` } });
    await whole(asked);
    await whole(await call('DELETE', `/v1/preftune/keys/${made.id}`));
  },
  read: async () => {
    await whole(await call('GET', '/v1/chat/completions?limit=20'));
    // Its user may have been erased meanwhile.
    if (kept.length > 0) await whole(await call('GET', `/v1/chat/completions/${pick(kept)}/messages`), [200, 404]);
    await whole(await call('GET', '/v1/models'));
  },
  erase: async () => {
    await whole(await call('DELETE', `/v1/preftune/users/user-${Math.floor(random.nextFloat() * 500)}`));
  },
  figures: async () => {
    await whole(await call('GET', '/metrics'));
    await whole(await call('GET', '/openapi.json'));
    await whole(await call('GET', '/ready'));
  },
  job: async () => {
    if (isTraining) return;
    isTraining = true;
    await train().finally(() => (isTraining = false));
  },
} satisfies Record<string, () => Promise<void>>;

/** How often each comes, of a thousand. */
const WEIGHTS: Readonly<Record<keyof typeof ACTIONS, number>> = {
  chat: 300,
  stream: 250,
  completion: 120,
  schema: 60,
  goes: 80,
  refused: 60,
  adapter: 30,
  key: 30,
  read: 40,
  erase: 5,
  figures: 24,
  job: 1,
};

/** A job of a few steps, its model asked once and taken out, its file removed. */
async function train(): Promise<void> {
  const rows = WORDS.map((word) => ({
    input: { messages: [{ role: 'user', content: `What is a ${word}?` }] },
    preferred_output: [{ role: 'assistant', content: `A ${word}.` }],
    non_preferred_output: [{ role: 'assistant', content: `I do not know.` }],
  }));
  const form = new FormData();
  form.append('purpose', 'fine-tune');
  form.append('file', new Blob([rows.map((row) => JSON.stringify(row)).join('\n')]), 'rows.jsonl');
  const file = JSON.parse(await whole(await call('POST', '/v1/files', form))) as { id: string };
  const body = {
    model: 'embedded-model',
    training_file: file.id,
    method: { type: 'dpo', preftune: { maxSteps: 2, samples: 0 } },
  };
  let job = JSON.parse(await whole(await call('POST', '/v1/fine_tuning/jobs', body))) as {
    id: string;
    status: string;
    fine_tuned_model: string | null;
    error: unknown;
  };
  while (!['succeeded', 'failed', 'cancelled'].includes(job.status)) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    job = JSON.parse(await whole(await call('GET', `/v1/fine_tuning/jobs/${job.id}`))) as typeof job;
  }
  if (job.status === 'succeeded') {
    await whole(await call('POST', '/v1/chat/completions', chat({ model: job.fine_tuned_model })));
    await whole(await call('DELETE', `/v1/models/${encodeURIComponent(job.fine_tuned_model!)}`));
  } else faults.push(`a job was ${job.status}: ${JSON.stringify(job.error)}`);
  await whole(await call('DELETE', `/v1/files/${file.id}`));
}

const names = Object.entries(WEIGHTS).flatMap(([name, weight]) => Array.from({ length: weight }, () => name));
const end = performance.now() + minutes * 60_000;
let pauseMs = 100;

async function client(): Promise<void> {
  while (performance.now() < end && child.exitCode === null) {
    const name = pick(names) as keyof typeof ACTIONS;
    counts[name] = (counts[name] ?? 0) + 1;
    await ACTIONS[name]().catch((error: unknown) => faults.push(`${name}: ${String(error)}`));
    await new Promise((resolve) => setTimeout(resolve, pauseMs * 2 * random.nextFloat()));
  }
}

async function sample(): Promise<Sample> {
  child.send({ do: 'sample' });
  const one = await told<Sample>(child);
  const last = samples.at(-1);
  samples.push(one);
  if (last !== undefined && one.seconds > last.seconds) {
    const load = (one.cpuSeconds - last.cpuSeconds) / (one.seconds - last.seconds);
    // Slowly, since a machine that others use too gives us less for a while.
    pauseMs = Math.min(2000, Math.max(1, pauseMs * Math.min(1.25, Math.max(0.8, load / TARGET_LOAD))));
    const { seconds, rssMib, heapMib, externalMib, handles, descriptors, databaseMib, logMib } = one;
    process.stdout.write(
      `${seconds} s: rss ${rssMib}, heap ${heapMib}, external ${externalMib}, handles ${handles}, descriptors ${descriptors}, database ${databaseMib}, log ${logMib}, load ${load.toFixed(2)}, pause ${pauseMs.toFixed(0)} ms, faults ${faults.length}\n`,
    );
  }
  return one;
}

function result(): object {
  // The second half: caches are full, and the rate is found.
  const half = samples.filter(({ seconds }) => seconds >= (samples.at(-1)?.seconds ?? 0) / 2);
  const trends: Record<string, Trend> = {};
  if (half.length > 3)
    for (const [name, tolerance] of Object.entries(TOLERANCE))
      trends[name] = trendOf(
        half.map((one) => ({ seconds: one.seconds, value: one[name as keyof typeof TOLERANCE] })),
        tolerance,
      );
  const [first, last] = [samples[0], samples.at(-1)];
  const asked = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  return {
    minutes: Math.round(((last?.seconds ?? 0) / 60) * 10) / 10,
    isWhole: performance.now() >= end,
    requests: asked,
    load: last && Math.round((last.cpuSeconds / last.seconds) * 100) / 100,
    actions: counts,
    statuses,
    faults: faults.length,
    examples: faults.slice(0, 10),
    trends,
    databaseMib: { first: first?.databaseMib, last: last?.databaseMib },
    mostLogMib: Math.max(...samples.map(({ logMib }) => logMib)),
    samples,
    machine: machine(),
  };
}

function write(): void {
  writeFileSync(join(import.meta.dirname, 'results', 'soak.json'), `${JSON.stringify(result(), null, 1)}\n`);
}

async function snapshot(name: string): Promise<void> {
  if (snapshots === undefined) return;
  child.send({ do: 'snapshot', path: join(snapshots, `${name}.heapsnapshot`) });
  await told(child);
}

async function sampling(): Promise<void> {
  let isHalf = false;
  while (performance.now() < end && child.exitCode === null) {
    await sample();
    write();
    if (!isHalf && performance.now() > end - minutes * 30_000) {
      isHalf = true;
      await snapshot('half');
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(SAMPLE_MS, Math.max(0, end - performance.now()))));
  }
}

try {
  await Promise.all([sampling(), ...Array.from({ length: CLIENTS }, client)]);
  await sample();
  await snapshot('end');
  write();
  const { samples: _, ...short } = result() as { samples: unknown };
  process.stdout.write(`${JSON.stringify(short, null, 1)}\n`);
} finally {
  child.send({ do: 'stop' });
  await new Promise((resolve) => child.once('exit', resolve));
  rmSync(folder, { recursive: true, force: true });
}
