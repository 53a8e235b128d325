/** Scores OUT/samples.json with llama.cpp: every GGUF in OUT/exports/gguf, and the adapter over OUT/base. node llama.mjs CONSUMERS OUT */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [consumers, out] = process.argv.slice(2);
const entry = createRequire(join(consumers, 'x.js')).resolve('node-llama-cpp');
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(entry).href);
const { samples } = JSON.parse(readFileSync(join(out, 'samples.json'), 'utf8'));
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: 2 });

async function score(modelPath, lora) {
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize: 512, ...(lora === undefined ? {} : { lora }) });
  const logps = [];
  const sequence = context.getSequence();
  for (const ids of samples) {
    await sequence.clearHistory();
    const ask = { generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } };
    const found = await sequence.controlledEvaluate(ids.map((id, i) => (i + 1 < ids.length ? [id, ask] : id)));
    for (let i = 0; i + 1 < ids.length; i++) logps.push(Math.log(found[i].next.probabilities.get(ids[i + 1]) ?? 0));
  }
  const said = model.tokenize('Hello <|im_end|> 1984', true).join(' ');
  await context.dispose();
  await model.dispose();
  process.stderr.write(`${modelPath}: Hello <|im_end|> 1984 is ${said}\n`);
  return logps;
}

const result = {};
const folder = join(out, 'exports', 'gguf');
for (const name of readdirSync(folder).filter((one) => one.endsWith('.gguf')))
  result[name] = await score(join(folder, name));
const adapter = join(out, 'exports', 'gguf-lora', 'model-lora.gguf');
if (existsSync(adapter))
  result['base-F32.gguf + lora'] = await score(join(out, 'base', 'gguf', 'base-F32.gguf'), {
    adapters: [{ filePath: adapter, scale: 1 }],
  });
process.stdout.write(`${JSON.stringify(result)}
`);
process.exit(0);
