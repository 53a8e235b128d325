/**
 * Answers with llama.cpp through node-llama-cpp, as bench/generate.ts asks: node llama-generate.mjs CONSUMERS MODEL.gguf, then a line of JSON
 * {"rows", "promptTokens", "newTokens"} for each measurement; answers with {"readMs", "decodeMs"}.
 */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [consumers, modelPath] = process.argv.slice(2);
const entry = createRequire(join(resolve(consumers), 'x.js')).resolve('node-llama-cpp');
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(entry).href);
const threads = Number(process.env['BENCH_THREADS'] ?? 2);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: threads });
const model = await llama.loadModel({ modelPath });
// Waits a little for all sequences, so that their tokens share a batch; by default each often goes alone.
const batching = { dispatchSchedule: (dispatch) => setTimeout(dispatch, Number(process.env['BENCH_WAIT_MS'] ?? 2)) };
const context = await model.createContext({ contextSize: 1024, sequences: 16, threads, batchSize: 2048, batching });
const sequences = Array.from({ length: 16 }, () => context.getSequence());

async function answer(sequence, prompt, newTokens, onToken) {
  let count = 0;
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    onToken(token);
    if (++count === newTokens) return;
  }
  throw new Error(`only ${count} tokens came`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { rows, promptTokens, newTokens } = JSON.parse(line);
  const used = sequences.slice(0, rows);
  for (const sequence of used) await sequence.clearHistory();
  const started = performance.now();
  let [first, last, waiting] = [0, 0, rows];
  await Promise.all(
    used.map((sequence, row) => {
      const prompt = Array.from({ length: promptTokens }, (_, i) => 1000 + ((row * 131 + i * 17) % 20000));
      let isFirst = true;
      return answer(sequence, prompt, newTokens, () => {
        last = performance.now();
        if (!isFirst) return;
        isFirst = false;
        if (--waiting === 0) first = last;
      });
    }),
  );
  process.stdout.write(`${JSON.stringify({ readMs: first - started, decodeMs: last - first })}\n`);
}
process.exit(0);
