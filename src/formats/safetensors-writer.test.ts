import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bitsOf,
  fixtureBytes,
  fixtureJson,
  floatsOfBase64,
  messageFrom,
  temporaryFolder,
  tensorOf,
} from '../../test/fixtures/formats/support.ts';
import { openModelFiles, openSafetensorsFile } from './node-model-files.ts';
import { writeModelFolder } from './node-model-writer.ts';
import { writeSafetensors, writeShardedSafetensors } from './node-safetensors-writer.ts';
import type { SafetensorsType } from './safetensors-layout.ts';
import { roundTo } from './stored-floats.ts';

const { source } = fixtureJson<{ source: Record<'matrix' | 'specials', string> }>('safetensors.json');
const TYPES = ['F32', 'F16', 'BF16'] as const satisfies SafetensorsType[];

test('our files equal those of the safetensors library byte for byte, in every type', async () => {
  const folder = temporaryFolder();
  const specials = floatsOfBase64(source.specials);
  for (const type of TYPES) {
    const path = join(folder, `${type}.safetensors`);
    // 1e38 is finite and does not fit into F16; the recorded file holds the infinity that rounding gives.
    const stored =
      type === 'F16' ? specials.map((value) => (value === Math.fround(1e38) ? Infinity : value)) : specials;
    const tensors = [
      tensorOf('c.scalar', [], [2.5]),
      tensorOf('d.empty', [0, 4], []),
      tensorOf('a.specials', [19], stored),
      tensorOf('b.matrix', [3, 5], floatsOfBase64(source.matrix)),
    ];
    await writeSafetensors(path, tensors, { type, metadata: { format: 'pt' } });
    expect(Buffer.compare(readFileSync(path), fixtureBytes(`${type.toLowerCase()}.safetensors`))).toBe(0);
  }
  expect(readdirSync(folder).toSorted()).toEqual(['BF16.safetensors', 'F16.safetensors', 'F32.safetensors']);
});

test('what is written reads back as its rounded values, whatever the shapes and the shard limit', async () => {
  const folder = temporaryFolder();
  const float = fc.float({ min: -60000, max: 60000, noNaN: true });
  const tensor = fc
    .tuple(fc.array(fc.nat(4), { maxLength: 3 }), fc.infiniteStream(float))
    .map(([shape, stream]) => ({ shape, values: [...stream.take(shape.reduce((count, dim) => count * dim, 1))] }));
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(tensor, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(...TYPES),
      fc.nat(200),
      async (list, type, maxShardBytes) => {
        const path = join(folder, `run-${run++}`);
        const tensors = list.map(({ shape, values }, index) => tensorOf(`t${index}`, shape, values));
        await writeModelFolder(path, { config: { model_type: 'llama' }, tensors, type, maxShardBytes });
        const { checkpoint, close } = await openModelFiles(path);
        for (const [index, { shape, values }] of list.entries()) {
          expect(checkpoint.entries.get(`t${index}`)).toMatchObject({ storedType: type, shape });
          const expected = Float32Array.from(values, (value) => roundTo(type, value));
          expect(bitsOf(await checkpoint.readFloat32(`t${index}`))).toEqual(bitsOf(expected));
        }
        expect(checkpoint.entries.size).toBe(list.length);
        await close();
      },
    ),
    { numRuns: 40 },
  );
});

test('tensors of many chunks are stored whole', async () => {
  const path = join(temporaryFolder(), 'large.safetensors');
  const values = Float32Array.from({ length: 1_200_001 }, (_, index) => (index % 2048) / 16);
  for (const type of TYPES) {
    await writeSafetensors(path, [tensorOf('large', [values.length], values)], { type });
    const checkpoint = await openSafetensorsFile(path);
    const read = await checkpoint.readFloat32('large');
    expect(read.findIndex((value, index) => value !== roundTo(type, values[index]!))).toBe(-1);
    await checkpoint.close();
  }
});

test('the shard index names every tensor, in files of the limited size', async () => {
  const folder = temporaryFolder();
  const tensors = [3, 1, 2].map((count, index) => tensorOf(`t${index}`, [count], new Float32Array(count)));
  const files = await writeShardedSafetensors(folder, tensors, { maxShardBytes: 13, stem: 'part' });
  expect(files).toEqual([
    'part-00001-of-00002.safetensors',
    'part-00002-of-00002.safetensors',
    'part.safetensors.index.json',
  ]);
  expect(JSON.parse(readFileSync(join(folder, files[2]!), 'utf8'))).toEqual({
    metadata: { total_parameters: 6, total_size: 24 },
    weight_map: { t0: files[0], t1: files[1], t2: files[1] },
  });
});

test('values beyond F16 are an error, and nothing is left on the disk', async () => {
  const folder = temporaryFolder();
  const tensors = [tensorOf('fits', [1], [65504]), tensorOf('overflows', [2], [1, 65520])];
  expect(await messageFrom(() => writeSafetensors(join(folder, 'x.safetensors'), tensors, { type: 'F16' }))).toBe(
    'overflows: values must lie within 65504 to be stored as F16, got 65520; store BF16 or F32',
  );
  const model = join(folder, 'model');
  await messageFrom(() => writeModelFolder(model, { config: {}, tensors, type: 'F16' }));
  expect(readdirSync(folder)).toEqual([]);
});

test('bad names and shapes are all reported before anything is written', async () => {
  const tensors = [tensorOf('a', [1], [0]), tensorOf('a', [-1], []), tensorOf('__metadata__', [1], [0])];
  const path = join(temporaryFolder(), 'x.safetensors');
  expect(await messageFrom(() => writeSafetensors(path, tensors))).toBe(
    [
      'safetensors: "a": names must be unique, got it twice',
      'safetensors: "a": a shape must be at most 8 non-negative integers, got [-1]',
      'safetensors: "__metadata__": a name must have 1 to 1024 characters and not be __metadata__',
    ].join('\n'),
  );
  expect(existsSync(path)).toBe(false);
});
