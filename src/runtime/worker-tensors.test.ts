import { expect, test } from 'vitest';
import { float32Tensor } from '../core/index.ts';
import { TensorStore } from './worker-tensors.ts';

const MIB = 2 ** 20;

test('buffers of outputs are used again; those that came by upload are let go', async () => {
  const store = new TensorStore('cpu', 1, () => 0);
  const first = store.allocate('float32', [100]);
  store.set(1, first);
  store.free(1);
  expect(store.poolBytes).toBe(400);
  const second = store.allocate('float32', [10, 10]);
  expect([(second.data as Float32Array).buffer === (first.data as Float32Array).buffer, store.poolBytes]).toEqual([
    true,
    0,
  ]);
  for (let handle = 2; handle < 50; handle++) {
    await store.upload(handle, float32Tensor([handle], new Float32Array(handle)));
    store.free(handle);
  }
  expect(store.poolBytes).toBe(0);
});

test('sizes that nobody asked for in half a minute leave the pool, and those used last stay where it is full', () => {
  let now = 0;
  const store = new TensorStore('cpu', 1, () => now);
  const use = (bytes: number): void => {
    store.set(1, store.allocate('float32', [bytes / 4]));
    store.free(1);
  };
  use(4000);
  now = 20_000;
  use(8000);
  expect(store.poolBytes).toBe(12_000);
  now = 30_001;
  use(8000);
  expect(store.poolBytes).toBe(8000);
  // 100 + 100 MiB fit into 256; with 100 more the oldest goes, though it is young.
  for (const bytes of [100, 101, 102]) use(bytes * MIB);
  expect(store.poolBytes).toBe(203 * MIB);
  use(300 * MIB);
  expect(store.poolBytes).toBe(203 * MIB);
});
