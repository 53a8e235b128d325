import { afterAll, describe, expect, test } from 'vitest';
import { float32Tensor, hostTensor, int32Tensor, messageOf, type HostTensor } from '../core/index.ts';
import { add, graph, input, logSumExpMatmul, matmul, mul, reduceSum, sub, type Node } from '../graph/index.ts';
import { MAX_LOADED_SESSIONS, type Device, type DeviceTensor, type Program } from './types.ts';
import { openDevice } from './open-device.ts';

const cpu = await openDevice({ threads: 2 });
const webgpu = await openDevice({ device: 'webgpu', threads: 2 }).catch((error: unknown) => {
  process.stderr.write(`device tensors on webgpu are skipped: ${messageOf(error)}\n`);
});
afterAll(async () => {
  await cpu.dispose();
  await webgpu?.dispose();
});

const vector = (...values: number[]): HostTensor<'float32'> => float32Tensor([values.length], values);

/** w - rate * g, in w's memory. */
function descent(): { source: ReturnType<typeof graph>; inPlace: Record<string, string> } {
  const [w, g] = [input('w', ['N']), input('g', ['N'])];
  return { source: graph({ w: sub(w, mul(g, input('rate', []))) }), inPlace: { w: 'w' } };
}

async function hostOf(value: HostTensor | DeviceTensor | undefined): Promise<number[]> {
  return Array.from((value !== undefined && 'read' in value ? await value.read() : (value as HostTensor)).data);
}

function square(device: Device): Promise<Program> {
  return device.compile(graph({ y: matmul(input('a', ['N', 256]), input('b', [256, 'N'])) }), { label: 'square' });
}

describe('a program', () => {
  test('serves every shape of its symbols and returns what is asked for', async () => {
    const x = input('x', ['T', 2]);
    const program = await cpu.compile(graph({ twice: mul(x, 2), sum: reduceSum(x) }), { label: 'shapes' });
    expect(program.inputs).toEqual([{ name: 'x', onnxName: 'in.x', dtype: 'float32', shape: ['T', 2] }]);
    const two = await program.run({ x: float32Tensor([2, 2], [1, 2, 3, 4]) });
    expect(two).toEqual({ twice: float32Tensor([2, 2], [2, 4, 6, 8]), sum: float32Tensor([], [10]) });
    const one = await program.run({ x: float32Tensor([1, 2], [5, 6]) }, { only: ['sum'] });
    expect(one).toEqual({ sum: float32Tensor([], [11]) });
    expect(program.lastRunMs).toBeGreaterThan(0);
    await expect(program.run({ x: vector(1) }, { only: ['mean'] })).rejects.toThrow(
      'program "shapes": input "x" must be float32 [T, 2], got float32 [1]',
    );
    await expect(program.run({ x: float32Tensor([1, 2], [5, 6]) }, { only: ['mean'] })).rejects.toThrow(
      'program "shapes": only must name outputs (twice, sum), got "mean"',
    );
    await program.dispose();
    await expect(program.run({ x: vector(1) })).rejects.toThrow('program "shapes": must not be run after dispose');
  });

  test('gives inputs, outputs and several names of one value back unchanged', async () => {
    const x = input('x', ['T'], 'int32');
    const y = add(x, 1);
    const program = await cpu.compile(graph({ x, same: x, y, again: y }), { label: 'names' });
    const given = int32Tensor([2], [3, 4]);
    const more = int32Tensor([2], [4, 5]);
    expect(await program.run({ x: given })).toEqual({ x: given, same: given, y: more, again: more });
    await program.dispose();
  });

  test('reports every problem of its inputs at once', async () => {
    const source = graph({
      y: add(matmul(input('a', ['T', 3]), input('b', [3, 'S'])), reduceSum(input('c', ['T*S', 'T']))),
    });
    const program = await cpu.compile(source, { label: 'step' });
    const run = program.run({
      a: float32Tensor([2, 3], [1, 2, 3, 4, 5, 6]),
      c: float32Tensor(
        [5, 3],
        Array.from({ length: 15 }, () => 0),
      ),
      b: int32Tensor([3], [1, 2, 3]),
      d: vector(1),
    });
    await expect(run).rejects.toThrow(
      [
        'program "step": input "d" must be one of the program\'s inputs (a, b, c); leave it out',
        'program "step": input "b" must be float32 [3, S], got int32 [3]',
        'program "step": input "c": axis 1 of [S*T, T] must be T = 2 as in "a", got [5, 3]',
      ].join('\n'),
    );
    await expect(program.run({})).rejects.toThrow(
      [
        'program "step": input "a" must be given as float32 [T, 3], it is missing',
        'program "step": input "b" must be given as float32 [3, S], it is missing',
        'program "step": input "c" must be given as float32 [S*T, T], it is missing',
      ].join('\n'),
    );
    await program.dispose();
  });

  test('names itself and the node when ONNX Runtime fails', async () => {
    const source = graph({ y: matmul(input('a', ['N', 1]), input('b', [1, 'M'])) });
    const program = await cpu.compile(source, { label: 'huge' });
    // 2^46 bytes of result.
    const side = 2 ** 22;
    const a = hostTensor('float32', [side, 1], new Float32Array(side));
    const b = hostTensor('float32', [1, side], new Float32Array(side));
    await expect(program.run({ a, b })).rejects.toThrow(
      /^program "huge": ONNX Runtime failed \(at %2 = matmul %0 %1 : float32 \[N, M\]\): .*Failed to allocate memory/,
    );
    await program.dispose();
  });

  test('compiles only with names that exist', async () => {
    const { source } = descent();
    const compiled = cpu.compile(source, {
      label: 'refused',
      keep: ['u'],
      frozen: { v: vector(1) },
      inPlace: { w: 'w' },
    });
    await expect(compiled).rejects.toThrow(
      'program "refused": keep must name outputs, got "u"\nprogram "refused": frozen must name inputs, got "v"',
    );
  });
});

function deviceTensors(device: Device): void {
  test('move in, out, and change without another handle', async () => {
    const given = vector(1, 2, 3);
    const tensor = await device.upload(given, { transfer: true, category: 'weights' });
    expect(given.data.length).toBe(0);
    expect(await tensor.read()).toEqual(vector(1, 2, 3));
    await tensor.write(vector(4, 5, 6));
    expect(await tensor.read()).toEqual(vector(4, 5, 6));
    await expect(tensor.write(vector(1))).rejects.toThrow('write: the tensor must be float32 [3], got float32 [1]');
    expect((await device.memory()).residentBytes['weights']).toBe(12);
    await tensor.dispose();
    await tensor.dispose();
    expect((await device.memory()).residentBytes['weights']).toBeUndefined();
    await expect(tensor.read()).rejects.toThrow('read: must be a living tensor of this device');
  });

  test('kept outputs feed the next run', async () => {
    const x = input('x', ['N']);
    const program = await device.compile(graph({ y: add(x, 1), n: reduceSum(x) }), { label: 'chain', keep: ['y'] });
    let value: HostTensor | DeviceTensor = vector(0, 10);
    for (let step = 0; step < 5; step++) {
      const previous: HostTensor | DeviceTensor = value;
      value = (await program.run({ x: value }))['y']!;
      if ('read' in previous) await previous.dispose();
    }
    expect(await hostOf(value)).toEqual([5, 15]);
    await (value as DeviceTensor).dispose();
    await program.dispose();
  });

  test('an output written in place changes the input and is the same tensor', async () => {
    const { source, inPlace } = descent();
    const program = await device.compile(source, { label: 'update', inPlace });
    const w = await device.upload(vector(1, 2));
    const inputs = { w, g: vector(10, 20), rate: float32Tensor([], [0.5]) };
    const { w: after } = await program.run(inputs);
    expect(after).toBe(w);
    await program.run(inputs);
    expect(await w.read()).toEqual(vector(-9, -18));
    await expect(program.run({ ...inputs, g: w })).rejects.toThrow(
      'program "update": input "w" is written by output "w" and must be a device tensor that no other input is, got one given twice; upload it first',
    );
    await expect(program.run({ ...inputs, w: vector(1, 2) })).rejects.toThrow('got a host tensor; upload it first');
    await Promise.all([w.dispose(), program.dispose()]);
  });

  test('frozen inputs live in the session', async () => {
    const source = graph({ y: mul(input('x', ['N', 2]), input('w', [2])) });
    const program = await device.compile(source, { label: 'frozen', frozen: { w: vector(2, 3) } });
    expect(program.inputs.map(({ name }) => name)).toEqual(['x']);
    const x = float32Tensor([2, 2], [5, 7, 1, 1]);
    expect(await program.run({ x })).toEqual({ y: float32Tensor([2, 2], [10, 21, 2, 3]) });
    expect((await device.memory()).residentBytes['frozen']).toBe(8);
    await program.dispose();
  });
}

describe('device tensors on cpu', () => deviceTensors(cpu));
if (webgpu !== undefined) describe('device tensors on webgpu', () => deviceTensors(webgpu));

describe('a device', () => {
  test('cancels a run that has not started and one that is under way', async () => {
    const source = graph({ y: logSumExpMatmul(input('h', ['C', 64]), input('e', [8192, 64])) });
    const program = await cpu.compile(source, { label: 'slow' });
    const inputs = {
      h: hostTensor('float32', [512, 64], new Float32Array(512 * 64)),
      e: hostTensor('float32', [8192, 64], new Float32Array(8192 * 64)),
    };
    const aborted = AbortSignal.abort();
    await expect(program.run(inputs, { signal: aborted })).rejects.toMatchObject({ code: 'cancelled' });
    const controller = new AbortController();
    const runs = [0, 1].map(() => program.run(inputs, { signal: controller.signal }));
    controller.abort();
    for (const run of runs) await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    const { y } = await program.run(inputs);
    expect((y as HostTensor).data[511]).toBeCloseTo(Math.log(8192), 5);
    await program.dispose();
  });

  test('works beside another, and ends while a run is under way', async () => {
    const other = await openDevice({ threads: 1 });
    const inputs = {
      a: hostTensor('float32', [256, 256], new Float32Array(256 * 256).fill(1)),
      b: hostTensor('float32', [256, 256], new Float32Array(256 * 256).fill(2)),
    };
    const [here, there] = [await square(cpu), await square(other)];
    const [first, second] = await Promise.all([here.run(inputs), there.run(inputs)]);
    expect((first['y'] as HostTensor).data[0]).toBe(512);
    expect(second).toEqual(first);
    const stranger = await other.upload(vector(1));
    await expect(here.run({ ...inputs, a: stranger })).rejects.toThrow('must be a living tensor of this device');

    const running = Array.from({ length: 3 }, () => there.run(inputs));
    const ended = other.dispose();
    for (const run of running)
      await expect(run).rejects.toThrow('device: the device was disposed before this finished');
    await ended;
    await expect(there.run(inputs)).rejects.toMatchObject({ code: 'cancelled' });
    await Promise.all([other.dispose(), there.dispose(), stranger.dispose()]);
    await here.dispose();
  });

  test('unloads the session that was used least recently and loads it again when it runs', async () => {
    const programs: Program[] = [];
    for (let i = 0; i <= MAX_LOADED_SESSIONS; i++)
      programs.push(await cpu.compile(graph({ y: add(input('x', []), i) }), { label: `program ${i}` }));
    expect(await cpu.memory()).toMatchObject({
      compiledPrograms: MAX_LOADED_SESSIONS + 1,
      loadedSessions: MAX_LOADED_SESSIONS,
    });
    for (const [i, program] of programs.entries())
      expect(await program.run({ x: float32Tensor([], [1]) })).toEqual({ y: float32Tensor([], [1 + i]) });
    for (const program of programs) await program.dispose();
    expect(await cpu.memory()).toMatchObject({ compiledPrograms: 0, loadedSessions: 0 });
  });

  test('names what it needs where a provider cannot be used', async () => {
    const tried = openDevice({ device: 'cuda' }).then((device) => device.dispose());
    await tried.catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'run-failed' });
      expect(String(error)).toMatch(/device "cuda": must be usable on this machine, it is not: .*; it needs CUDA 12/);
    });
    await expect(openDevice({ threads: 0 })).rejects.toThrow('threads: must be a whole number of at least 1, got 0');
  });

  test('does not grow with the number of runs', async () => {
    const x: Node = input('x', ['N']);
    const program = await cpu.compile(graph({ y: add(x, 1), s: mul(x, 2) }), { label: 'leak', keep: ['y'] });
    const value = hostTensor('float32', [4096], new Float32Array(4096));
    const step = async (): Promise<void> => {
      const { y } = await program.run({ x: value });
      await (y as DeviceTensor).dispose();
    };
    for (let i = 0; i < 300; i++) await step();
    const before = (await cpu.memory()).rssBytes;
    for (let i = 0; i < 2000; i++) await step();
    const after = await cpu.memory();
    // 2,000 runs make 16 KB three times each: 98 MB if nothing were freed.
    expect(after.rssBytes - before).toBeLessThan(30e6);
    expect(after.residentBytes['kept']).toBeUndefined();
    await program.dispose();
  });
});
