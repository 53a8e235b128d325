/**
 * Preferences to a better model in one program: train, answer, compare, export.
 *
 *     npm install preftune typescript @types/node
 *     npx tsc && node align.js MODEL PAIRS OUTPUT
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openGenerator, parseDpoSpecification, trainDpo, type RecipeContext } from 'preftune';
import { exportModel, openExportSource, verdictText } from 'preftune/export';
import { openJudges, parseJudges } from 'preftune/judge';

const [model, data, output] = process.argv.slice(2);
if (model === undefined || data === undefined || output === undefined)
  throw new Error('three arguments must be given: MODEL PAIRS OUTPUT');

const QUESTIONS = ['What is the capital of France?', 'Where is my order?', 'Do you ship to Italy?'];
mkdirSync(output, { recursive: true });

// Every problem of the options is in the one error that this throws.
const specification = parseDpoSpecification({
  model,
  data,
  output: join(output, 'run'),
  objective: 'sigmoid,sft',
  heldOutFraction: 0.2,
  epochs: 10,
  batchSize: 4,
  learningRate: 2e-3,
  samples: 0,
  seed: 1,
});
const context: RecipeContext = {
  resolve: async (named) => named, // models and data are paths here; locateModel of preftune/hub downloads hub ids
  referenceCache: join(output, 'reference-cache'),
  versions: {},
  isResuming: false,
  listener: {
    onStep: ({ step, metrics }) => {
      if (step % 10 === 0) console.log(`step ${step}: loss ${metrics['loss']?.toFixed(3)}`);
    },
  },
};
const { artefact, lastEvaluation } = await trainDpo(specification, context);
console.log(`held out: accuracy ${lastEvaluation?.['rewards/accuracies']?.toFixed(2)}`);

/** The likeliest answers of the model, with the adapter or without. */
async function answersOf(adapter: string | undefined): Promise<string[]> {
  const generator = await openGenerator({ model: model!, ...(adapter !== undefined && { adapter }) });
  try {
    const { tokenizer } = generator;
    const prompts = QUESTIONS.map((content) => {
      const messages = [{ role: 'user', content }];
      const text = tokenizer.chatTemplate?.render(messages, { addGenerationPrompt: true }) ?? content;
      return tokenizer.encode(text);
    });
    const answers = await generator.generate(prompts, { maxNewTokens: 48, temperature: 0 });
    return answers.map(({ text }) => text.trim());
  } finally {
    await generator.dispose();
  }
}
const [before, after] = [await answersOf(undefined), await answersOf(artefact)];

// A rule is a judge that costs nothing; a language model is { kind: 'llm', model: ..., ... } in the same place.
const { judge, close } = await openJudges(parseJudges([{ kind: 'sentiment', prefer: 'positive' }]), {
  folder: join(output, 'judge-answers'),
  environment: process.env,
});
for (const [i, prompt] of QUESTIONS.entries()) {
  const judgement = await judge.compare({ id: String(i), prompt, a: before[i]!, b: after[i]! });
  const verdict = judgement.kind === 'verdict' ? { a: 'before', b: 'after', tie: 'neither' }[judgement.verdict] : '?';
  console.log(`${prompt}\n  before: ${before[i]}\n  after:  ${after[i]}\n  kinder: ${verdict}`);
}
await close();

const source = await openExportSource({ source: join(output, 'run'), resolve: async (named) => named });
const artefacts = await exportModel(
  source,
  {
    targets: ['gguf'],
    output: join(output, 'exported'),
    dtype: undefined,
    ggufTypes: ['Q8_0'],
    onnxTypes: [],
    maxShardBytes: 5e9,
    overwrite: true,
  },
  { data: undefined, samples: 8 },
);
for (const { path, verdict } of artefacts)
  console.log(`${path}: ${verdict === undefined ? 'not compared' : verdictText(verdict)}`);
