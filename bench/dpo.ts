/**
 * npm run bench -- --model SmolLM2.gguf --data helpful-base-test.jsonl.gz [--steps 4] [--micro-batch-tokens 256]
 *
 * Speed and memory of LoRA DPO: pairs/s, tokens/s, share of the machine's float32 matrix-product rate over the useful
 * arithmetic, peak memory, time of the reference. The product rate is measured in the same run, between the steps.
 */
import { copyFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { badUsage } from '../src/core/index.ts';
import { loadPairs, selectRows, sourcesOfPath } from '../src/data/index.ts';
import { graph, input, matmul } from '../src/graph/index.ts';
import { BASE_PRECISIONS, parameterSpecs, type BasePrecision } from '../src/models/index.ts';
import type { Device, DeviceName, DeviceTensor } from '../src/runtime/index.ts';
import { openModel } from '../src/policy/index.ts';
import { BEST_SETTINGS, openLoraDpo, PAIRS_PER_STEP, type MeasuredStep } from './lora-dpo.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    data: { type: 'string' },
    steps: { type: 'string', default: '4' },
    'micro-batch-tokens': { type: 'string', default: String(BEST_SETTINGS.microBatchTokens) },
    'memory-budget-mb': { type: 'string', default: String(BEST_SETTINGS.memoryBudgetMb) },
    'base-precision': { type: 'string', default: 'float32' },
    device: { type: 'string', default: 'cpu' },
    rank: { type: 'string', default: String(BEST_SETTINGS.rank) },
    /** Copies ONNX Runtime's trace of the training program here. */
    profile: { type: 'string' },
  },
});

function print(label: string, value: string): void {
  process.stdout.write(`${label.padEnd(34)} ${value}\n`);
}

const [M, K, N] = [1024, 576, 1536];
const PRODUCTS = 16;

/** GFLOP/s of products that have nothing around them. A chain, so that one run does much and copies little. */
async function createProductRate(device: Device): Promise<() => Promise<number>> {
  const [w, v] = [input('w', [K, N]), input('v', [N, K])];
  let y = input('x', [M, K]);
  for (let i = 0; i < PRODUCTS / 2; i++) y = matmul(matmul(y, w), v);
  const program = await device.compile(graph({ y }), { label: 'product', keep: ['y'] });
  const zeros = (shape: readonly [number, number]): Promise<DeviceTensor> =>
    device.upload({ dtype: 'float32', shape, data: new Float32Array(shape[0] * shape[1]) });
  const inputs = { x: await zeros([M, K]), w: await zeros([K, N]), v: await zeros([N, K]) };
  const rate = async (): Promise<number> => {
    const started = performance.now();
    const outputs = await program.run(inputs);
    const seconds = (performance.now() - started) / 1000;
    await (outputs['y'] as DeviceTensor).dispose();
    return (PRODUCTS * 2 * M * K * N) / seconds / 1e9;
  };
  await rate();
  return rate;
}

const basePrecision = BASE_PRECISIONS.find((name) => name === values['base-precision']);
if (values.model === undefined || values.data === undefined || basePrecision === undefined)
  throw badUsage(
    `dpo.ts: --model and --data must be given, --base-precision must be one of ${BASE_PRECISIONS.join(', ')}`,
  );

const started = performance.now();
const steps = Number(values.steps);
const opened = await openModel(values.model);
const { rows } = await loadPairs(await sourcesOfPath(values.data), {
  tokenizer: opened.tokenizer,
  maxLength: BEST_SETTINGS.maxLength,
  mode: 'lenient',
  maxRows: 2 * PAIRS_PER_STEP * steps + 100,
});
const pairs = selectRows(
  rows,
  Array.from({ length: PAIRS_PER_STEP * steps }, (_, row) => row),
);
const training = await openLoraDpo({
  opened,
  pairs,
  rank: Number(values.rank),
  microBatchTokens: Number(values['micro-batch-tokens']),
  memoryBudgetMb: Number(values['memory-budget-mb']),
  basePrecision: basePrecision as BasePrecision,
  device: values.device as DeviceName,
  isProfiled: values.profile !== undefined,
});
const { referenceSeconds, program, device } = training;
print('machine', machine());
print('base', basePrecision);
print('set up and reference, s', ((performance.now() - started) / 1000).toFixed(2));
print('kept for backward (estimate)', `${program.level}, ${(program.keptBytes / 2 ** 20).toFixed(0)} MB`);
print(
  'reference, pairs/s',
  `${(pairs.count / referenceSeconds).toFixed(2)} (${pairs.count} pairs in ${referenceSeconds.toFixed(1)} s)`,
);

const matrixParameters = parameterSpecs(opened.config)
  .filter(({ shape, name }) => shape.length === 2 && name.startsWith('model.layers'))
  .reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);
const headParameters = opened.config.vocabularySize * opened.config.hiddenSize;
/** Floating-point operations per second of what no implementation can leave out: forward and input gradients, no recomputation. */
const usefulRate = ({ tokens, scored, seconds }: MeasuredStep): number =>
  (4 * (tokens * matrixParameters + scored * headParameters)) / seconds / 1e9;

const productRate = await createProductRate(device);
const measured: MeasuredStep[] = [];
const rates: number[] = [];
const shares: number[] = [];
for (let index = 0; index < steps; index++) {
  rates.push(await productRate());
  const step = await training.step(index);
  rates.push(await productRate());
  const rate = Math.max(...rates.slice(-2));
  measured.push(step);
  shares.push(usefulRate(step) / rate);
  const { seconds, refreshSeconds, tokens, scored, minorPageFaults, loss } = step;
  process.stdout.write(
    `  step ${index + 1}: ${seconds.toFixed(2)} s (fold ${refreshSeconds.toFixed(2)}), ${tokens} tokens, ${scored} scored, ` +
      `${usefulRate(step).toFixed(0)} of ${rate.toFixed(0)} GFLOP/s, ${minorPageFaults} page faults, loss ${loss.toFixed(4)}\n`,
  );
}
const seconds = measured.map((step) => step.seconds);
const sum = (list: readonly number[]): number => list.reduce((total, one) => total + one, 0);
const memory = await device.memory();
print(
  'pairs/s, median (best)',
  `${(PAIRS_PER_STEP / median(seconds)).toFixed(2)} (${(PAIRS_PER_STEP / Math.min(...seconds)).toFixed(2)})`,
);
print('tokens/s', (sum(measured.map(({ tokens }) => tokens)) / sum(seconds)).toFixed(0));
print('product rate, GFLOP/s', `${Math.min(...rates).toFixed(0)} to ${Math.max(...rates).toFixed(0)}`);
print('share of it, median', `${(100 * median(shares)).toFixed(0)} %`);
print('peak RSS, MB', (memory.peakRssBytes / 2 ** 20).toFixed(0));
if (values.profile !== undefined) copyFileSync(await training.endProfile(), values.profile);
await training.dispose();
await opened.files.close();
