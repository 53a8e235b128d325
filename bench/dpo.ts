/**
 * npm run bench -- --model SmolLM2.gguf --data helpful-base-test.jsonl.gz [--steps 4] [--micro-batch-tokens 512]
 *
 * Speed and memory of LoRA DPO: pairs/s, tokens/s, share of the machine's float32 matrix-product rate over the useful
 * arithmetic, peak memory, time of the reference. The product rate is measured in the same run, between the steps.
 */
import { parseArgs } from 'node:util';
import { copyFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { loadPreferencePairs, selectRows, sourcesOfPath } from '../src/data/index.ts';
import { graph, input, matmul } from '../src/graph/index.ts';
import { parameterSpecs } from '../src/models/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import { openDevice, type Device, type Program } from '../src/runtime/index.ts';
import {
  compileBatchProgram,
  createTrainable,
  hintsFor,
  loadModel,
  microBatches,
  openModel,
  pairObjectiveGraph,
  requirePairs,
  pairMicroBatch,
  pairScoreGraph,
  parseDpoSpecification,
  createPolicy,
  rowsOf,
} from '../src/train/index.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    data: { type: 'string' },
    steps: { type: 'string', default: '4' },
    'micro-batch-tokens': { type: 'string', default: '512' },
    'memory-budget-mb': { type: 'string', default: '100000' },
    device: { type: 'string', default: 'cpu' },
    rank: { type: 'string', default: '16' },
    /** Copies ONNX Runtime's trace of the training program here. */
    profile: { type: 'string' },
  },
});

function median(list: readonly number[]): number {
  const sorted = list.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function print(label: string, value: string): void {
  process.stdout.write(`${label.padEnd(34)} ${value}\n`);
}

const [M, K, N] = [1024, 576, 1536];

async function productProgram(device: Device): Promise<Program> {
  // A chain, so that one run does much and copies little.
  const [w, v] = [input('w', [K, N]), input('v', [N, K])];
  let x = input('x', [M, K]);
  for (let i = 0; i < 8; i++) x = matmul(matmul(x, w), v);
  return device.compile(graph({ x }), { label: 'product', keep: ['x'] });
}

async function productRate(device: Device, program: Program, tensors: Record<string, never>): Promise<number> {
  const started = performance.now();
  const { x } = await program.run(tensors);
  const seconds = (performance.now() - started) / 1000;
  await (x as unknown as { dispose(): Promise<void> }).dispose();
  return (8 * 2 * 2 * M * K * N) / seconds / 1e9;
}

const started = performance.now();
const specification = parseDpoSpecification({
  model: values.model,
  data: values.data,
  output: '-',
  maxLength: 512,
  lora: { rank: Number(values.rank) },
});
const opened = await openModel(values.model!);
const device = await openDevice({ device: values.device as 'cpu' });
const model = await loadModel(device, opened.config, opened.files.checkpoint);
const policy = await createPolicy(device, { opened, model, specification });
const loaded = await loadPreferencePairs(await sourcesOfPath(values.data!), {
  tokenizer: opened.tokenizer,
  maxLength: 512,
  mode: 'lenient',
  maxRows: 400,
});
const steps = Number(values.steps);
const pairs = selectRows(
  loaded.rows,
  Array.from({ length: 8 * steps }, (_, row) => row),
);
const rows = rowsOf(pairs);
const maxTokens = Number(values['micro-batch-tokens']);
const trainable = await createTrainable(device, policy.initial, {
  parameters: policy.parameters,
  optimizer: specification.optimizer,
});
const resident = new Map([...model.weights, ...policy.initial]);
const loss = requirePairs(resolveObjective({ objective: 'sigmoid', options: { beta: 0.1 } }));
const mean = pairs.lengths.reduce((sum, length) => sum + length, 0) / pairs.count;
const program = await compileBatchProgram(
  device,
  {
    train: pairObjectiveGraph({ decoder: policy.training }, loss, { parameters: policy.parameters }),
    evaluate: pairObjectiveGraph({ decoder: policy.evaluation }, loss, { parameters: [] }),
  },
  {
    label: 'dpo',
    hints: hintsFor(maxTokens, mean),
    resident,
    gradients: trainable.gradients,
    keepBudgetBytes: Number(values['memory-budget-mb']) * 2 ** 20,
    profile: values.profile !== undefined,
  },
);
print('machine', `${cpus()[0]!.model}, ${cpus().length} cores, Node ${process.version}`);
print('set up, s', ((performance.now() - started) / 1000).toFixed(2));
print('kept for backward (estimate)', `${program.level}, ${(program.keptBytes / 2 ** 20).toFixed(0)} MB`);

const reference = new Float32Array(2 * pairs.count);
{
  const scorer = await compileBatchProgram(
    device,
    { evaluate: pairScoreGraph(policy.reference) },
    { label: 'reference', hints: hintsFor(maxTokens, mean), resident },
  );
  await scorer.refresh();
  const begin = performance.now();
  const order = Array.from({ length: pairs.count }, (_, row) => row).toSorted(
    (a, b) => rows.lengthOf(a) - rows.lengthOf(b),
  );
  for (const group of microBatches(rows, order, maxTokens)) {
    const { logps } = await scorer.evaluate(pairMicroBatch(group.map((row) => pairs.row(row))).inputs);
    group.forEach((row, i) => reference.set(logps!.data.subarray(2 * i, 2 * i + 2) as Float32Array, 2 * row));
  }
  const seconds = (performance.now() - begin) / 1000;
  print(
    'reference, pairs/s',
    `${(pairs.count / seconds).toFixed(2)} (${pairs.count} pairs in ${seconds.toFixed(1)} s)`,
  );
  await scorer.dispose();
}

const matrixParameters = parameterSpecs(opened.config)
  .filter(({ shape, name }) => shape.length === 2 && name.startsWith('model.layers'))
  .reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);
const headParameters = opened.config.vocabularySize * opened.config.hiddenSize;

const product = await productProgram(device);
const productInputs = {
  x: await device.upload({ dtype: 'float32', shape: [M, K], data: new Float32Array(M * K) }),
  w: await device.upload({ dtype: 'float32', shape: [K, N], data: new Float32Array(K * N) }),
  v: await device.upload({ dtype: 'float32', shape: [N, K], data: new Float32Array(K * N) }),
} as unknown as Record<string, never>;
await productRate(device, product, productInputs);

const stepSeconds: number[] = [];
const rates: number[] = [];
const shares: number[] = [];
let tokensRead = 0;
const losses: number[] = [];
for (let step = 0; step < steps; step++) {
  rates.push(await productRate(device, product, productInputs));
  const batch = Array.from({ length: 8 }, (_, i) => step * 8 + i);
  const faults = process.resourceUsage().minorPageFault;
  const begin = performance.now();
  await program.refresh();
  const refreshed = performance.now();
  const lossScale = { dtype: 'float32', shape: [], data: Float32Array.of(1 / 8) } as const;
  let [tokens, scored, lossSum] = [0, 0, 0];
  for (const group of microBatches(rows, batch, maxTokens)) {
    const micro = pairMicroBatch(group.map((row) => pairs.row(row)));
    const data = Float32Array.from(group.flatMap((row) => [reference[2 * row]!, reference[2 * row + 1]!]));
    const outputs = await program.train({
      ...micro.inputs,
      referenceLogps: { dtype: 'float32', shape: [group.length, 2], data },
      lossScale,
    });
    tokens += micro.tokens;
    scored += micro.counts.reduce((sum, count) => sum + count, 0);
    lossSum += (outputs['losses']!.data as Float32Array).reduce((sum, one) => sum + one, 0);
  }
  const norm = await trainable.gradientNorm();
  await trainable.update({ step: step + 1, learningRate: 1e-5, norm, maximum: 1 });
  const seconds = (performance.now() - begin) / 1000;
  const useful = 4 * (tokens * matrixParameters + scored * headParameters);
  rates.push(await productRate(device, product, productInputs));
  const rate = Math.max(...rates.slice(-2));
  stepSeconds.push(seconds);
  shares.push(useful / seconds / 1e9 / rate);
  tokensRead += tokens;
  losses.push(lossSum / 8);
  process.stdout.write(
    `  step ${step + 1}: ${seconds.toFixed(2)} s (fold ${((refreshed - begin) / 1000).toFixed(2)}), ${tokens} tokens, ${scored} scored, ${(useful / seconds / 1e9).toFixed(0)} of ${rate.toFixed(0)} GFLOP/s, ${process.resourceUsage().minorPageFault - faults} page faults, loss ${(lossSum / 8).toFixed(4)}\n`,
  );
}
const memory = await device.memory();
print(
  'pairs/s, median (best)',
  `${(8 / median(stepSeconds)).toFixed(2)} (${(8 / Math.min(...stepSeconds)).toFixed(2)})`,
);
print('tokens/s', (tokensRead / stepSeconds.reduce((sum, one) => sum + one, 0)).toFixed(0));
print('product rate, GFLOP/s', `${Math.min(...rates).toFixed(0)} to ${Math.max(...rates).toFixed(0)}`);
print('share of it, median', `${(100 * median(shares)).toFixed(0)} %`);
print('peak RSS, MB', (memory.peakRssBytes / 2 ** 20).toFixed(0));
if (values.profile !== undefined) copyFileSync(await program.endProfile(), values.profile);
await device.dispose();
await opened.files.close();
