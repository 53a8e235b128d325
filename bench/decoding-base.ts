/**
 * npx tsx bench/decoding-base.ts --model SmolLM2.gguf [--text "..."]
 *
 * A base kept in float32, int8 and 4 bits to decode with: seconds to load it, its bytes, how far its scores are from float32's after a text
 * (relative error, KL, how often the best token is the same), and milliseconds of a forward pass over 1, 4 and 16 tokens with their scores.
 */
import { parseArgs } from 'node:util';
import { badUsage, int32Tensor, type HostTensor } from '../src/core/index.ts';
import { graph, graphInputs } from '../src/graph/index.ts';
import {
  baseBytes,
  baseDecoder,
  DECODING_PRECISIONS,
  hiddenStates,
  logits,
  packedAttention,
  packedInputs,
  type DecodingPrecision,
} from '../src/models/index.ts';
import { openDevice } from '../src/runtime/index.ts';
import { loadModel, openModel } from '../src/policy/index.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    text: {
      type: 'string',
      default:
        'The river rises in the hills north of the town and runs for forty miles before it meets the sea. Every spring the water comes up ' +
        'to the mill, and the people who live there carry their chairs and tables upstairs. Asked why they stay, most of them laugh.',
    },
  },
});
if (values.model === undefined) throw badUsage('decoding-base.ts: --model must be given');
const opened = await openModel(values.model);
const ids = opened.tokenizer.encode(values.text);
const RUNS = 12;

function batchOf(tokens: readonly number[]): Record<string, HostTensor> {
  const whole = (of: (i: number) => number): HostTensor =>
    int32Tensor(
      [tokens.length],
      tokens.map((_id, i) => of(i)),
    );
  return {
    tokens: whole((i) => tokens[i]!),
    positions: whole((i) => i),
    branches: whole(() => 0),
    parents: whole(() => 0),
  };
}

interface Measured {
  readonly loadSeconds: number;
  readonly ms: readonly number[];
  readonly scores: Float32Array;
}

async function measure(precision: DecodingPrecision): Promise<Measured> {
  const { config, files } = opened;
  const device = await openDevice();
  const started = performance.now();
  const model = await loadModel(device, config, files.checkpoint, { precision, purpose: 'decoding' });
  const packed = packedInputs();
  const { tokens, positions } = packed;
  const attend = packedAttention(config, packed);
  const decoder = baseDecoder(config, precision, 'decoding');
  const source = graph({ scores: logits(decoder, hiddenStates(decoder, { tokens, positions, attend })) });
  const read = new Set(graphInputs(source).map((node) => node.attributes.name));
  const program = await device.compile(source, { label: precision, constants: Object.fromEntries(model.constants) });
  const loadSeconds = (performance.now() - started) / 1000;
  const fed = Object.fromEntries([...model.weights].filter(([name]) => read.has(name)));
  const { scores } = await program.run({ ...batchOf(ids), ...fed });
  const ms: number[] = [];
  for (const count of [1, 4, 16]) {
    const times: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      await program.run({ ...batchOf(ids.slice(0, count)), ...fed });
      times.push(program.lastRunMs);
    }
    ms.push(Math.min(...times), median(times));
  }
  await device.dispose();
  return { loadSeconds, ms, scores: (scores as HostTensor).data as Float32Array };
}

/** Relative error, mean KL(float32 || this) in nats a token, share of tokens whose best is the same. */
function compare(scores: Float32Array, exact: Float32Array, words: number): [number, number, number] {
  let [error, square, divergence, same] = [0, 0, 0, 0];
  const rows = exact.length / words;
  const centred = (row: Float32Array): { mean: number; logSum: number; best: number } => {
    const best = row.reduce((at, value, i) => (value > row[at]! ? i : at), 0);
    const mean = row.reduce((sum, value) => sum + value, 0) / words;
    const sum = row.reduce((total, value) => total + Math.exp(value - row[best]!), 0);
    return { mean, logSum: row[best]! + Math.log(sum), best };
  };
  for (let row = 0; row < rows; row++) {
    const [a, b] = [scores, exact].map((all) => all.subarray(row * words, (row + 1) * words)) as [
      Float32Array,
      Float32Array,
    ];
    const [of, from] = [centred(a), centred(b)];
    if (of.best === from.best) same++;
    for (let i = 0; i < words; i++) {
      error += (a[i]! - of.mean - b[i]! + from.mean) ** 2;
      square += (b[i]! - from.mean) ** 2;
      const logp = b[i]! - from.logSum;
      divergence += Math.exp(logp) * (logp - a[i]! + of.logSum);
    }
  }
  return [Math.sqrt(error / square), Math.max(0, divergence / rows), same / rows];
}

process.stdout.write(`${machine()}\n`);
process.stdout.write(
  '| base | load, s | MB | error of scores | KL, nats a token | same best token | ms, 1 token | 4 | 16 |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n',
);
let exact: Float32Array | undefined;
for (const precision of DECODING_PRECISIONS) {
  const { loadSeconds, ms, scores } = await measure(precision);
  exact ??= scores;
  const [error, divergence, same] = compare(scores, exact, opened.config.vocabularySize);
  const bytes = baseBytes(opened.config, precision, 'decoding');
  const times = [0, 2, 4].map((i) => `${ms[i]!.toFixed(1)} (median ${ms[i + 1]!.toFixed(1)})`);
  process.stdout.write(
    `| ${precision} | ${loadSeconds.toFixed(1)} | ${(bytes / 2 ** 20).toFixed(0)} | ${(100 * error).toFixed(1)} % | ${divergence.toFixed(4)} | ${(100 * same).toFixed(0)} % | ${times.join(' | ')} |\n`,
  );
}
await opened.files.close();
