import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bitsOf,
  damaged,
  fixtureBytes,
  fixtureJson,
  fixturePath,
  floatsOfBase64,
  messageFrom,
  opensOrRefuses,
  safetensorsBytes,
} from '../../test/fixtures/formats/support.ts';
import { bytesSource } from './bytes-source.ts';
import { nodeSha256 } from './node-sha256.ts';
import { openSafetensors, openShardedSafetensors } from './safetensors.ts';

interface Recorded {
  readonly files: Record<string, Record<string, { type: string; shape: number[]; values: string }>>;
}
const { files } = fixtureJson<Recorded>('safetensors.json');

const open = (bytes: Uint8Array<ArrayBuffer>): ReturnType<typeof openSafetensors> =>
  openSafetensors(bytesSource(bytes, 'x.safetensors'), nodeSha256);
const refusal = (header: unknown, dataBytes = 0): Promise<string> =>
  messageFrom(() => open(safetensorsBytes(header, dataBytes)));

test('files that safetensors wrote give the recorded values bit for bit', async () => {
  for (const [file, tensors] of Object.entries(files)) {
    const checkpoint = await open(fixtureBytes(file));
    expect([...checkpoint.entries.keys()].toSorted()).toEqual(Object.keys(tensors).toSorted());
    for (const [name, { type, shape, values }] of Object.entries(tensors)) {
      expect(checkpoint.entries.get(name)).toMatchObject({ name, storedType: type, shape });
      if (type === 'I64') continue;
      expect(bitsOf(await checkpoint.readFloat32(name))).toEqual(bitsOf(floatsOfBase64(values)));
    }
  }
});

test('types that are no weights stand in the entries and are refused by name when read', async () => {
  const checkpoint = await open(fixtureBytes('mixed.safetensors'));
  expect(await messageFrom(() => checkpoint.readFloat32('ids'))).toBe(
    "x.safetensors: ids: a weight's type must be one of F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, got I64; convert the file",
  );
  expect(await messageFrom(() => checkpoint.readFloat32('none'))).toBe(
    'none: must be a tensor of the checkpoint, got a name that is not among its 4',
  );
});

test('a tensor is read into the given array, and an array of another length is our own fault', async () => {
  const checkpoint = await open(fixtureBytes('bf16.safetensors'));
  const whole = new Float32Array(20).fill(7);
  const into = whole.subarray(2, 17);
  expect(await checkpoint.readFloat32('b.matrix', into)).toBe(into);
  expect([whole[1], whole[17]]).toEqual([7, 7]);
  expect(bitsOf(into)).toEqual(bitsOf(floatsOfBase64(files['bf16.safetensors']!['b.matrix']!.values)));
  expect(await messageFrom(() => checkpoint.readFloat32('b.matrix', whole))).toBe(
    'internal: b.matrix has 15 elements and is read into an array of 20',
  );
});

test('shards that Transformers wrote give the recorded values', async () => {
  const expected = fixtureJson<Record<string, { shape: number[]; values: string }>>('sharded.json');
  const checkpoint = await openShardedSafetensors(sharded());
  expect([...checkpoint.entries.keys()].toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [name, { shape, values }] of Object.entries(expected)) {
    expect(checkpoint.entries.get(name)!.shape).toEqual(shape);
    expect(bitsOf(await checkpoint.readFloat32(name))).toEqual(bitsOf(floatsOfBase64(values)));
  }
});

function sharded(
  change: (map: Record<string, string>) => void = () => undefined,
): Parameters<typeof openShardedSafetensors>[0] {
  const index = JSON.parse(readFileSync(fixturePath('sharded/model.safetensors.index.json'), 'utf8')) as {
    weight_map: Record<string, string>;
  };
  change(index.weight_map);
  return {
    indexText: JSON.stringify(index),
    indexName: 'index.json',
    openShard: async (file) => bytesSource(fixtureBytes(`sharded/${file}`), file),
    createHash: nodeSha256,
  };
}

test('index and shards are checked against each other', async () => {
  const norm = 'model.norm.weight';
  const extra = await messageFrom(() => openShardedSafetensors(sharded((map) => void delete map[norm])));
  expect(extra).toMatch(
    /^model-0000\d-of-00004\.safetensors: "model\.norm\.weight": must be named by the index, got a tensor that is not$/,
  );
  const missing = sharded((map) => void (map.ghost = 'model-00001-of-00004.safetensors'));
  expect(await messageFrom(() => openShardedSafetensors(missing))).toBe(
    'index.json: "ghost": must stand in model-00001-of-00004.safetensors, got a file without it',
  );
  const outside = sharded((map) => void (map[norm] = '../model.safetensors'));
  expect(await messageFrom(() => openShardedSafetensors(outside))).toBe(
    'index.json: weight_map.model.norm.weight: must be the name of a .safetensors file beside the index, got "../model.safetensors"',
  );
  const twice = {
    ...sharded(),
    openShard: async (file: string) => bytesSource(fixtureBytes('sharded/model-00001-of-00004.safetensors'), file),
  };
  expect(await messageFrom(() => openShardedSafetensors(twice))).toContain(
    'must stand in one shard, got model-00001-of-00004.safetensors and model-00002-of-00004.safetensors',
  );
});

function tensor(shape: readonly number[], offsets: readonly number[], dtype = 'F32'): unknown {
  return { dtype, shape, data_offsets: offsets };
}

test('lying headers are refused, each with its own message', async () => {
  expect(await messageFrom(() => open(new Uint8Array(4)))).toBe(
    'x.safetensors at byte 0: a safetensors file must have at least 10 bytes, got 4; it is truncated or empty',
  );
  expect(await messageFrom(() => open(new Uint8Array(16).fill(255)))).toBe(
    'x.safetensors at byte 0: the header must have at most 100000000 bytes, got 18446744073709552000; this is not a safetensors file',
  );
  expect(await messageFrom(() => open(safetensorsBytes('{"a":1}   ').slice(0, 14)))).toBe(
    "x.safetensors at byte 0: the header's 10 bytes must lie within the file, got 6; it is truncated",
  );
  expect(await refusal('[]')).toBe("x.safetensors at byte 0: the header must start with '{', got byte 91");
  expect(await refusal('{"a":')).toBe('x.safetensors:1:6: a JSON value must stand here, got the end of the text');
  expect(await refusal('{"a":{},"a":{}}')).toBe('x.safetensors:1:9: keys must be unique, got "a" twice in one object');
  expect(await refusal({ a: tensor([2], [0, 8]), b: tensor([2], [4, 12]) }, 12)).toBe(
    `x.safetensors: "b": must start after "a" at byte 124, got 120; they overlap`,
  );
  expect(await refusal({ a: tensor([1], [0, 4]), b: tensor([1], [8, 12]) }, 12)).toBe(
    `x.safetensors: "b": must start at byte 120, got 124; the bytes between belong to no tensor`,
  );
  expect(await refusal({ a: tensor([2], [0, 8]) }, 4)).toBe(
    'x.safetensors: the tensors need 70 bytes, got a file of 66; it is truncated, fetch it again',
  );
  expect(await refusal({ a: tensor([1], [0, 4]) }, 6)).toBe(
    'x.safetensors: the last tensor ends at byte 66 and nothing must follow, got 2 more bytes',
  );
});

test('all bad entries of a header are reported at once', async () => {
  const message = await refusal({
    __metadata__: { step: 3 },
    lying: { dtype: 'F16', shape: [3], data_offsets: [0, 8] },
    overflow: { dtype: 'F32', shape: [2 ** 40, 2 ** 40], data_offsets: [0, 8] },
    backwards: { dtype: 'F32', shape: [1], data_offsets: [8, 4] },
    ranks: { dtype: 'F32', shape: [1, 1, 1, 1, 1, 1, 1, 1, 1], data_offsets: [0, 4] },
    negative: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] },
    kind: { dtype: 7, shape: [1], data_offsets: [0, 4] },
    list: [],
    ['n'.repeat(2000)]: {},
  });
  expect(message.split('\n')).toEqual([
    'x.safetensors: __metadata__.step: must be a string, got 3',
    'x.safetensors: "lying": F16 of shape [3] must have 6 bytes, got 8',
    'x.safetensors: "overflow": F32 of shape [1099511627776, 1099511627776] must have 4835703278458516698824704 bytes, got 8',
    'x.safetensors: "backwards": data_offsets must be [begin, end] with begin <= end, got "[8,4]"',
    'x.safetensors: "ranks": shape must be at most 8 non-negative integers, got "[1,1,1,1,1,1,1,1,1]"',
    'x.safetensors: "negative": shape must be at most 8 non-negative integers, got "[-1]"',
    'x.safetensors: "kind": dtype must be a string, got 7',
    'x.safetensors: "list": must be an object with dtype, shape and data_offsets, got an array of 0',
    `x.safetensors: "${'n'.repeat(79)}... (2002 characters): a name must have 1 to 1024 characters, got 2000`,
  ]);
});

/** The fingerprint of a file with 16 bytes of data, the last of them `lastByte`. */
async function print(header: unknown, lastByte = 0): Promise<string> {
  const bytes = safetensorsBytes(header, 16);
  bytes[bytes.length - 1] = lastByte;
  return (await open(bytes)).fingerprint();
}

test('the fingerprint depends on names, types, shapes and bytes, not on the order or the shards', async () => {
  const base = await print({ a: tensor([2], [0, 8]), b: tensor([2], [8, 16]) });
  expect(base).toMatch(/^[0-9a-f]{64}$/);
  expect(await print({ b: tensor([2], [0, 8]), a: tensor([2], [8, 16]) })).toBe(base);
  const others = [
    await print({ a: tensor([2], [0, 8]), b: tensor([2], [8, 16]) }, 1),
    await print({ a: tensor([2], [0, 8]), c: tensor([2], [8, 16]) }),
    await print({ a: tensor([2], [0, 8]), b: tensor([2, 1], [8, 16]) }),
    await print({ a: tensor([2], [0, 8]), b: tensor([4], [8, 16], 'F16') }),
  ];
  expect(new Set([base, ...others]).size).toBe(5);
});

test('damaged files are read or refused, never anything else', async () => {
  for (const file of ['f32.safetensors', 'mixed.safetensors']) {
    const bytes = fixtureBytes(file);
    await fc.assert(
      fc.asyncProperty(damaged(bytes, 300), async (copy) => void (await opensOrRefuses(() => open(copy)))),
      { numRuns: 600 },
    );
  }
});
