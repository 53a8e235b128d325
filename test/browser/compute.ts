import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { createRandom, elementCount, float32Tensor, type HostTensor } from '../../src/core/index.ts';
import { loadPairs, memorySource, readRecords, type TokenizedPair } from '../../src/data/index.ts';
import { bytesSource, openSafetensors, type ModelFiles } from '../../src/formats/index.ts';
import { graphInputs, printGraph } from '../../src/graph/index.ts';
import { stepGraph } from '../../src/generate/step-graph.ts';
import { interpret } from '../../src/interpret/index.ts';
import {
  loraParameterSpecs,
  parseModelConfig,
  plainDecoder,
  weightInputs,
  withLora,
  type ModelConfig,
} from '../../src/models/index.ts';
import { resolveObjective } from '../../src/objectives/index.ts';
import { lowerGraph } from '../../src/onnx/index.ts';
import { optimise } from '../../src/passes/index.ts';
import { hintsFor, newLora, understandModel } from '../../src/policy/index.ts';
import { parseDpoSpecification, planStages } from '../../src/specification/index.ts';
import { preferenceTask, type PolicyGraphs, type Task } from '../../src/train/index.ts';

/** The bytes of a file of the model, from wherever they are: a folder, a server. */
export type ReadBytes = (name: string) => Promise<Uint8Array<ArrayBuffer>>;

const MICRO_BATCH_TOKENS = 256;

const PAIRS = [
  { prompt: 'What is a comet?', chosen: 'Ice and dust.', rejected: 'Ice.' },
  { prompt: 'Name a colour.', chosen: 'Blue — like the sea.', rejected: 'No.' },
];
const TABLE = 'prompt;chosen;rejected\n"Why; and how?";"Because\nso";No\n';

function digest(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}

function createHash() {
  const hash = sha256.create();
  return { update: (bytes: Uint8Array) => void hash.update(bytes), digestHex: () => bytesToHex(hash.digest()) };
}

async function filesOf(read: ReadBytes): Promise<ModelFiles> {
  const json = async (name: string) =>
    JSON.parse(new TextDecoder().decode(await read(name))) as Record<string, unknown>;
  const checkpoint = await openSafetensors(
    bytesSource(await read('model.safetensors'), 'model.safetensors'),
    createHash,
  );
  return {
    location: 'memory',
    format: 'huggingface',
    config: await json('config.json'),
    generationConfig: await json('generation_config.json'),
    tokenizer: {
      kind: 'huggingface',
      tokenizerJson: await json('tokenizer.json'),
      tokenizerConfig: await json('tokenizer_config.json'),
      chatTemplate: undefined,
      specialTokensMap: await json('special_tokens_map.json'),
    },
    checkpoint,
    close: () => checkpoint.close(),
  };
}

/** The recipe's own task for an adapter on a model, from what is in memory. */
function taskOf(
  config: ModelConfig,
  rows: Parameters<typeof preferenceTask>[0]['rows'],
): Task & { policy: PolicyGraphs } {
  const specification = parseDpoSpecification({ model: '-', data: '-', output: '-', lora: { rank: 4 } });
  const plain = plainDecoder(config, weightInputs(config));
  const lora = newLora(config, specification.lora!);
  const decoder = withLora(plain, lora, { path: 'separate' });
  const policy: PolicyGraphs = {
    parameters: loraParameterSpecs(config, lora),
    training: decoder,
    evaluation: decoder,
    reference: plain,
    keepsReference: true,
  };
  const order = { batchSize: rows.train.count, seed: 0, order: 'shuffled', lengthBuckets: false } as const;
  const task = preferenceTask({
    policy,
    objective: resolveObjective({ objective: 'sigmoid', options: { beta: 0.1 } }),
    rows,
    reference: { train: { logps: new Float32Array(2 * rows.train.count).fill(-20) } },
    steps: {
      ...order,
      stages: planStages(rows.train.count, { ...order, epochs: 1, warmupRatio: 0 }),
      microBatchTokens: MICRO_BATCH_TOKENS,
    },
  });
  return { ...task, policy };
}

/** The training graph as a step runs it: differentiated by the recipe, through the passes, as bytes of ONNX. */
function compiled({ graphs, policy }: ReturnType<typeof taskOf>) {
  const trained = new Set(policy.parameters.map(({ name }) => name));
  const source = graphs.train!;
  const { once, body } = optimise(source, {
    hints: hintsFor(MICRO_BATCH_TOKENS, MICRO_BATCH_TOKENS / 2),
    isInvariant: (name) => trained.has(name) || name.startsWith('model.'),
    recompute: { forwardOutputs: ['losses', 'logps'], budgetBytes: 2 ** 20 },
  });
  const { bytes } = lowerGraph(body, { target: 'cpu' });
  return {
    outputs: [Object.keys(body.outputs).length, Object.keys(once.outputs).length],
    size: bytes.length,
    sha256: digest(bytes),
  };
}

/** Losses and a gradient of the rows by the interpreter, from weights drawn with a seed. */
async function interpreted({ graphs, source }: Task): Promise<{ losses: number[]; gradient: number[] }> {
  // Passes over rows are cut without asking the device.
  const rows = await (await source(undefined as never)).at(0);
  const { inputs } = rows.batch(Array.from({ length: rows.rows.count }, (_, row) => row));
  const random = createRandom(1, 'weights');
  const draw = (): number => 0.3 * random.nextNormal();
  const given = graphInputs(graphs.train!).map(({ attributes: { name }, shape }): [string, HostTensor] => {
    const sizes = shape as readonly number[];
    return [name, inputs[name] ?? float32Tensor(sizes, Array.from({ length: elementCount(sizes) }, draw))];
  });
  const outputs = interpret(graphs.train!, Object.fromEntries(given));
  const values = (name: string): number[] => Array.from(outputs[name]!.data);
  return {
    losses: values('losses'),
    gradient: values('accumulated/model.layers.0.self_attn.q_proj.lora_B.weight'),
  };
}

async function recordsOf(name: string, text: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const event of readRecords(memorySource(name, new TextEncoder().encode(text)))) found.push(event);
  return found;
}

/** Everything that comes before a device, from bytes. Plain values, so that two places can be compared. */
export async function compute(read: ReadBytes) {
  const { files, config, tokenizer } = await understandModel(await filesOf(read));
  const text = 'Ein Komet — ☄️ ist schmutziges Eis.\n\tIt melts.';
  const ids = tokenizer.encode(text);
  const lines = PAIRS.map((pair) => `${JSON.stringify(pair)}\n`).join('');
  const { rows, formats } = await loadPairs(memorySource('pairs.jsonl', lines), { tokenizer, maxLength: 128 });
  const pair: TokenizedPair = rows.row(1);
  const task = taskOf(config, { train: rows });
  const narrow = parseModelConfig({
    ...files.config,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 4,
  });
  const step = optimise(stepGraph(task.policy.evaluation), { hints: { T: 1, B: 1, S: 1, U: 1, C: 256 } }).body;
  return {
    fingerprint: await files.checkpoint.fingerprint(),
    norm: Array.from((await files.checkpoint.readFloat32('model.norm.weight')).subarray(0, 4)),
    ids: [...ids],
    decoded: tokenizer.decode([...ids]),
    rendered: tokenizer.chatTemplate?.render(
      [
        { role: 'user', content: 'What is a comet?' },
        { role: 'assistant', content: 'Ice.' },
      ],
      { addGenerationPrompt: true },
    ),
    rows: { formats, fingerprint: rows.fingerprint, chosen: [...pair.chosen], rejected: [...pair.rejected] },
    table: await recordsOf('pairs.csv', TABLE),
    training: compiled(task),
    interpreted: await interpreted(taskOf(narrow, { train: rows })),
    step: {
      inputs: graphInputs(step).length,
      text: digest(new TextEncoder().encode(printGraph(step))),
      sha256: digest(lowerGraph(step, { target: 'webgpu' }).bytes),
    },
  };
}
