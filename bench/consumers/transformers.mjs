/** Scores OUT/samples.json with transformers.js over OUT/exports/onnx, and answers a question. node transformers.mjs CONSUMERS OUT */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [consumers, out] = process.argv.slice(2);
const entry = createRequire(join(consumers, 'x.js')).resolve('@huggingface/transformers');
const { AutoModelForCausalLM, AutoTokenizer, Tensor, env } = await import(
  pathToFileURL(join(dirname(entry), 'transformers.node.mjs')).href
);
env.allowRemoteModels = false;
env.localModelPath = join(out, 'exports');
const { samples } = JSON.parse(readFileSync(join(out, 'samples.json'), 'utf8'));
const tokenizer = await AutoTokenizer.from_pretrained('onnx');
const result = {};
for (const dtype of ['fp32', 'fp16', 'q8']) {
  const model = await AutoModelForCausalLM.from_pretrained('onnx', { dtype, device: 'cpu' });
  const logps = [];
  for (const ids of samples) {
    const input_ids = new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]);
    const attention_mask = new Tensor('int64', new BigInt64Array(ids.length).fill(1n), [1, ids.length]);
    const { logits } = await model({ input_ids, attention_mask });
    const size = logits.dims[2];
    for (let i = 0; i + 1 < ids.length; i++) {
      const row = logits.data.subarray(i * size, (i + 1) * size);
      const largest = row.reduce((most, one) => Math.max(most, one), -Infinity);
      logps.push(row[ids[i + 1]] - largest - Math.log(row.reduce((sum, one) => sum + Math.exp(one - largest), 0)));
    }
  }
  result[dtype] = logps;
  const inputs = tokenizer.apply_chat_template([{ role: 'user', content: 'What is a comet?' }], {
    add_generation_prompt: true,
    return_dict: true,
  });
  const answer = await model.generate({ ...inputs, max_new_tokens: 24, do_sample: false });
  process.stderr.write(
    `transformers.js ${dtype}: ${tokenizer.batch_decode(answer, { skip_special_tokens: true })[0].replaceAll('\n', ' ')}\n`,
  );
}
process.stdout.write(`${JSON.stringify(result)}
`);
