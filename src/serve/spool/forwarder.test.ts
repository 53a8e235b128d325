import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { InferenceEnd, InferenceStart } from '../../ledger/index.ts';
import { parseServeSettings } from '../config/serve-config.ts';
import { openForwarder } from './forwarder.ts';
import { startHome, type HomeServer } from './testing/home-server.ts';

const KEY = 'pt_live_0123456789abcdef';
let folder: string;
let home: HomeServer;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-forward-'));
  home = await startHome(join(folder, 'home'));
});
afterEach(async () => {
  await home.close();
  rmSync(folder, { recursive: true, force: true });
});

const START: InferenceStart = {
  id: 'chatcmpl-1',
  createdAt: 5,
  route: 'chat',
  requestedModel: 'm',
  versionId: 'v1',
  backend: 'engine',
  user: 'ann@example.com',
  episodeId: 'ann@example.com',
  metadata: { from: 'ann@example.com' },
  parameters: { temperature: 1 },
  request: { messages: [{ role: 'user', content: 'I am ann@example.com' }] },
};
const END: InferenceEnd = { status: 'complete', totalMs: 3, response: { text: 'Hello' } };

async function forwarded(
  options: Readonly<Record<string, unknown>>,
  start: Partial<InferenceStart> = {},
): Promise<readonly Record<string, unknown>[]> {
  const notes: string[] = [];
  const environment = { HOME_KEY: KEY };
  const given = { model: 'm', store: 'none', forward: home.url, forwardKeyEnv: 'HOME_KEY', ...options };
  const settings = parseServeSettings({ ...given, forwardFolder: join(folder, 'spool') }, environment);
  const forwarder = openForwarder(settings, { environment, onNote: (note) => notes.push(note) })!;
  await forwarder.inference({ ...START, ...start }, END);
  await forwarder.close(5000);
  expect(notes).toEqual([]);
  return readFileSync(join(folder, 'home', 'records.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { record: Record<string, unknown> }).record);
}

it('sends what is counted, and no texts, users or addresses, unless texts are kept', async () => {
  const [record] = await forwarded({});
  expect(Object.keys(record!).toSorted()).toEqual(
    [
      'backend createdAt episodeId id metadata parameters requestedModel route',
      'status totalMs type userHash versionId',
    ].flatMap((line) => line.split(' ')),
  );
  expect(JSON.stringify(record)).not.toContain('ann@example.com');
  expect(record!['userHash']).toMatch(/^[0-9a-f]{64}$/);
});

it('sends texts with --log text, masked; none where the request says so; as they are with redact off', async () => {
  await forwarded({ log: 'text' });
  await forwarded({ log: 'text' }, { store: false });
  const records = await forwarded({ log: 'text', redact: false });
  expect(records.map(({ request, response }) => [JSON.stringify(request)?.includes('ann@'), response])).toEqual([
    [false, { text: 'Hello' }],
    [undefined, undefined],
    [true, { text: 'Hello' }],
  ]);
});

it('an answer does not fail when its record cannot be kept; the loss is told once and counted', async () => {
  const notes: string[] = [];
  const environment = { HOME_KEY: KEY };
  const settings = parseServeSettings(
    {
      model: 'm',
      store: 'none',
      log: 'text',
      forward: home.url,
      forwardKeyEnv: 'HOME_KEY',
      forwardFolder: join(folder, 'spool'),
    },
    environment,
  );
  const forwarder = openForwarder(settings, { environment, onNote: (note) => notes.push(note) })!;
  const huge = { ...END, response: { text: 'x '.repeat(2 ** 20) } };
  await forwarder.inference(START, huge);
  await forwarder.inference(START, huge);
  await forwarder.inference(START, END);
  await forwarder.close(5000);
  expect(notes).toEqual([
    expect.stringMatching(/^forward: records are lost from chatcmpl-1 on: .*at most 1048576 bytes/),
    'forward: records wait again; 2 were lost',
    'forward: 2 records were lost since the start',
  ]);
});

it.skipIf(process.getuid === undefined)('the usual folder must be this user’s alone', async () => {
  const temporary = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  const environment = { HOME_KEY: KEY };
  const settings = parseServeSettings(
    { model: 'm', store: 'none', forward: home.url, forwardKeyEnv: 'HOME_KEY' },
    environment,
  );
  const open = () => openForwarder(settings, { environment, onNote: () => undefined })!;
  const place = join(folder, `preftune-spool-${process.getuid!()}`);
  try {
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, place);
    expect(open).toThrow(/--forward-folder must be this user's alone/);
    unlinkSync(place);
    await open().close(0);
    chmodSync(place, 0o777);
    expect(open).toThrow(/--forward-folder must be this user's alone/);
  } finally {
    if (temporary === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = temporary;
  }
});

it.each([
  [{ forward: 'http://home.example/' }, /--forward must begin with https/],
  [{ forwardKeyEnv: 'NOT_SET' }, /which is not set/],
  [{ forwardKeyEnv: undefined }, /--forward-key-env must name the environment variable/],
  [{ log: 'off' }, /--forward has no effect with --log off/],
])('refuses settings that cannot work: %j', (options, message) => {
  const given = { model: 'm', store: 'none', forward: 'https://home.example/', forwardKeyEnv: 'HOME_KEY', ...options };
  expect(() => parseServeSettings(given, { HOME_KEY: KEY })).toThrow(message);
});
