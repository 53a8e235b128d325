import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { float32Tensor } from '../core/index.ts';
import { graph, input, matmul, sub } from '../graph/index.ts';
import { formatProfile, profileProgram, summarise } from './profile.ts';
import { openDevice } from './open-device.ts';

const EVENTS = [
  { cat: 'Session', name: 'model_run', dur: 9000 },
  { cat: 'Node', name: '%3 matmul/v1_kernel_time', dur: 3000, args: { op_name: 'MatMul', provider: 'Cpu' } },
  { cat: 'Node', name: '%3 matmul/v1_kernel_time', dur: 1000, args: { op_name: 'MatMul', provider: 'Cpu' } },
  { cat: 'Node', name: '%4 softmaxMatmul/v2_kernel_time', dur: 1000, args: { op_name: 'MatMul', provider: 'Cpu' } },
  { cat: 'Node', name: '%4 softmaxMatmul/v9_kernel_time', dur: 5000, args: { op_name: 'Scan', provider: 'Cpu' } },
  { cat: 'Node', name: 'Memcpy_kernel_time', dur: 3000, args: { op_name: 'MemcpyToHost', provider: 'Gpu' } },
];

test('a trace is summed by operator, kind and provider, loops left out', () => {
  expect(summarise(EVENTS, 2)).toEqual({
    operators: [
      { name: 'MatMul', ms: 2.5, calls: 1.5, share: 0.625 },
      { name: 'MemcpyToHost', ms: 1.5, calls: 0.5, share: 0.375 },
    ],
    kinds: [
      { name: 'matmul', ms: 2, calls: 1, share: 0.5 },
      { name: '(other)', ms: 1.5, calls: 0.5, share: 0.375 },
      { name: 'softmaxMatmul', ms: 0.5, calls: 0.5, share: 0.125 },
    ],
    providers: [
      { name: 'Cpu', ms: 2.5, calls: 1.5, share: 0.625 },
      { name: 'Gpu', ms: 1.5, calls: 0.5, share: 0.375 },
    ],
  });
  expect(formatProfile({ runMs: 4.5, ...summarise(EVENTS, 2) }, 1)).toBe(
    [
      '      4.5 ms a run',
      'operators',
      '      2.5 ms  62.5 %      2 x MatMul',
      'node kinds',
      '      2.0 ms  50.0 %      1 x matmul',
    ].join('\n'),
  );
});

test('a program is profiled and its trace removed', async () => {
  const device = await openDevice({ threads: 1 });
  const source = graph({ y: sub(matmul(input('a', ['N', 2]), input('b', [2, 3])), input('c', ['N', 1])) });
  const inputs = {
    a: float32Tensor([1, 2], [1, 2]),
    b: float32Tensor([2, 3], [1, 2, 3, 4, 5, 6]),
    c: float32Tensor([1, 1], [1]),
  };
  const { operators, kinds, runMs } = await profileProgram(device, source, inputs, { runs: 2, keep: ['y'] });
  expect(operators.map(({ name, calls }) => `${calls} ${name}`).toSorted()).toEqual(['1 MatMul', '1 Sub']);
  expect(kinds.map(({ name, calls }) => `${calls} ${name}`).toSorted()).toEqual(['1 matmul', '1 sub']);
  expect(runMs).toBeGreaterThan(0);
  const program = await device.compile(source, { label: 'trace', profile: true });
  const path = await program.endProfile();
  expect(existsSync(path)).toBe(true);
  await program.dispose();
  expect(existsSync(path)).toBe(false);
  await device.dispose();
});
