import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createReceiver } from './receive-records.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'preftune-receiver-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const id = (number: number) => `rec_${String(number).padStart(32, '0')}`;
const one = (number: number) => ({ id: id(number), record: { type: 'feedback', number } });
const receiver = () => createReceiver({ folder, now: () => 7 });

it('takes each record once: in one request, in two, at the same time, and after a restart with a torn file', async () => {
  const first = receiver();
  expect(await first.receive({ records: [one(1), one(2), one(1)] })).toEqual({
    accepted: [id(1), id(2)],
    duplicates: [id(1)],
    refused: [],
  });
  const both = await Promise.all([first.receive({ records: [one(3)] }), first.receive({ records: [one(3), one(4)] })]);
  expect(both.map(({ accepted, duplicates }) => [accepted, duplicates])).toEqual([
    [[id(3)], []],
    [[id(4)], [id(3)]],
  ]);
  first.dispose();
  appendFileSync(join(folder, 'records.jsonl'), '{"id":"rec_');
  const second = receiver();
  expect(await second.receive({ records: [one(4), one(5)], dropped: 3 })).toEqual({
    accepted: [id(5)],
    duplicates: [id(4)],
    refused: [],
  });
  second.dispose();
  const lines = readFileSync(join(folder, 'records.jsonl'), 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual(
    [1, 2, 3, 4, 5].map((number) => ({ ...one(number), receivedAt: 7 })),
  );
});

it('refuses records one by one, and bodies of another shape whole', async () => {
  const open = receiver();
  expect(
    await open.receive({
      records: [
        { id: '../../etc', record: { type: 'x' } },
        { id: id(1), record: 'text' },
        { id: id(2), record: { type: '' } },
        one(3),
      ],
    }),
  ).toEqual({
    accepted: [id(3)],
    duplicates: [],
    refused: [
      { id: '../../etc', reason: 'id must be rec_ and 32 hexadecimal digits' },
      { id: id(1), reason: 'record must be an object with a type' },
      { id: id(2), reason: 'record must be an object with a type' },
    ],
  });
  for (const body of [null, [], {}, { records: 1 }, { records: [{}] }, { records: [], more: 1 }])
    await expect(open.receive(body as never)).rejects.toMatchObject({ status: 400 });
  await expect(open.receive({ records: Array.from({ length: 1001 }, (_, i) => one(i)) })).rejects.toMatchObject({
    status: 400,
  });
  open.dispose();
});

it('remembers so many ids, the newest', async () => {
  const open = createReceiver({ folder, mostIds: 2 });
  await open.receive({ records: [one(1), one(2), one(3)] });
  expect(await open.receive({ records: [one(1), one(3)] })).toMatchObject({ accepted: [id(1)], duplicates: [id(3)] });
  open.dispose();
});

it('begins a file a day, remembers the ids of all, and takes away those whose last record is too old', async () => {
  const day = 86_400_000;
  // The first sweep believes the clock: as long as it goes with the time that passes.
  let at = 1000;
  const days = createReceiver({ folder, now: () => at });
  const names = () => readdirSync(folder).toSorted();
  await days.receive({ records: [one(1)] });
  at += day - 1;
  await days.receive({ records: [one(2)] });
  at += 1;
  await days.receive({ records: [one(3)] });
  expect(names()).toEqual([`records-${1000 + day - 1}.jsonl`, 'records.jsonl']);
  at += 40 * day;
  // A clock that went on by so much at once is not believed the first time.
  expect(days.sweep(30)).toEqual([]);
  const later = `records-${1000 + day}.jsonl`;
  expect(names()).toEqual([`records-${1000 + day - 1}.jsonl`, later, 'records.jsonl'].toSorted());
  days.dispose();
  const again = createReceiver({ folder, now: () => at });
  expect(await again.receive({ records: [one(1), one(2), one(3), one(4)] })).toEqual({
    accepted: [id(4)],
    duplicates: [id(1), id(2), id(3)],
    refused: [],
  });
  expect([...again.sweep(30)]).toEqual([`records-${1000 + day - 1}.jsonl`, later]);
  expect(names()).toEqual(['records.jsonl']);
  again.dispose();
});
