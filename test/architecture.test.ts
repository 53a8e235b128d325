import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { graphNodes, printGraph, type Graph, type Node } from '../src/graph/index.ts';
import {
  loraParameterSpecs,
  parseModelConfig,
  plainDecoder,
  resolveTargets,
  weightInputs,
  withLora,
  type ModelConfig,
} from '../src/models/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import { lowerToOnnx } from '../src/onnx/index.ts';
import { optimise } from '../src/passes/index.ts';
import { pairObjectiveGraph, requirePairs } from '../src/policy/index.ts';

/**
 * What ARCHITECTURE.md prints, made again. A failure shows the text that the document should hold now: put it there, and see whether what stands
 * around it is still true.
 */
const PAGE = readFileSync(join(import.meta.dirname, '..', 'ARCHITECTURE.md'), 'utf8');

/** SmolLM2-135M's shape. */
function configOf(layers: number): ModelConfig {
  return parseModelConfig({
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: layers,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    vocab_size: 49152,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    rope_theta: 100000,
    tie_word_embeddings: true,
  });
}

/** DPO with LoRA of rank 16 and alpha 32 on every projection, as `preftune dpo` traces it. */
function traced(layers: number): Graph {
  const config = configOf(layers);
  const targets = resolveTargets(config, ['all-linear']).map((path) => ({ path, rank: 16, scale: 2 }));
  const lora = { dropout: 0, targets };
  const decoder = withLora(plainDecoder(config, weightInputs(config)), lora, { path: 'separate' });
  const loss = requirePairs(resolveObjective({ objective: 'sigmoid', options: { beta: 0.1 } }));
  return pairObjectiveGraph({ decoder }, loss, { parameters: loraParameterSpecs(config, lora) });
}

/** Numbers of nodes by the order in which a text names them: a node more elsewhere in the graph does not make an excerpt wrong. */
function renumbered(text: string): string {
  const seen: string[] = [];
  return text.replaceAll(/%\d+/g, (id) => {
    if (!seen.includes(id)) seen.push(id);
    return `%${seen.indexOf(id)}`;
  });
}

/** Every indented block of the document. */
const BLOCKS = new Set([...PAGE.matchAll(/(?:^ {4}.*\n)+/gm)].map(([block]) => renumbered(block.trimEnd())));

/** Fails with the whole text that is missing. */
function requireInPage(lines: readonly string[]): void {
  const text = lines.map((line) => `    ${line}`).join('\n');
  if (!BLOCKS.has(renumbered(text))) throw new Error(`ARCHITECTURE.md must hold these lines, it does not:\n\n${text}`);
}

const PROJECTION = 'model.layers.0.self_attn.q_proj';

function only(nodes: readonly Node[], what: string): Node {
  if (nodes.length === 1) return nodes[0]!;
  throw new Error(
    `the graph must have one ${what}, it has ${nodes.length}: adapters are computed otherwise now; choose other lines for ARCHITECTURE.md`,
  );
}

it('the query projection with its adapter, and the way back', () => {
  const source = traced(1);
  const nodes = graphNodes(source);
  const lines = printGraph(source).split('\n');
  const print = (chosen: readonly Node[]): string[] => chosen.map((node) => lines[nodes.indexOf(node)]!);
  const inputOf = (name: string): Node =>
    only(
      nodes.filter((node) => node.kind === 'input' && node.attributes.name === name),
      name,
    );
  const [a, b] = [inputOf(`${PROJECTION}.lora_A.weight`), inputOf(`${PROJECTION}.lora_B.weight`)];
  const product = (right: Node): Node =>
    only(
      nodes.filter((node) => node.kind === 'matmul' && node.inputs[1] === right && node.attributes.transposeB),
      'forward product of the adapter',
    );
  const [thin, wide] = [product(a), product(b)];
  const sum = only(
    nodes.filter((node) => node.kind === 'add' && node.inputs[1] === wide),
    'sum of projection and adapter',
  );
  requireInPage(print([thin.inputs[0]!, sum.inputs[0]!, a, thin, b, wide, sum]));
  const [addedA, addedB] = ['A', 'B'].map((side) => source.outputs[`accumulated/${PROJECTION}.lora_${side}.weight`]!);
  const [gradientA, gradientB] = [addedA!.inputs[1]!, addedB!.inputs[1]!];
  const back = gradientA.inputs[0]!;
  requireInPage(print([back.inputs[0]!, back, gradientA, addedA!, gradientB, addedB!]));
});

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`;
const counted = (count: number): string => count.toLocaleString('en-US');

it('sizes of the whole graph before and after the passes, and of what is kept', () => {
  const source = traced(30);
  const forwardOutputs = Object.keys(source.outputs).filter((name) => !name.startsWith('accumulated/'));
  const hints = { T: 264, U: 159, C: 159, R: 1 };
  const within = (budgetBytes: number) => optimise(source, { hints, recompute: { forwardOutputs, budgetBytes } });
  const whole = within(Infinity);
  const elementwise = within(whole.keptBytes - 1);
  const layers = within(0);
  expect([whole.level, elementwise.level, layers.level]).toEqual(['nothing', 'elementwise', 'layers']);
  const size = ({ body }: { body: Graph }): string => `${counted(graphNodes(body).length)} nodes`;
  const products = graphNodes(whole.body).filter(({ kind }) => kind === 'matmul').length;
  const operators = lowerToOnnx(whole.body, { target: 'cpu' }).onnx.nodes.map(({ operator }) => operator);
  const count = (name: string): string => `${counted(operators.filter((one) => one === name).length)} ${name}`;
  requireInPage([
    `as traced                ${size({ body: source })}`,
    `after the passes         ${size(whole)}, ${counted(products)} products; ${megabytes(whole.keptBytes)} kept`,
    `elementwise values again ${size(elementwise)}; ${megabytes(elementwise.keptBytes)} kept`,
    `whole layers again       ${size(layers)}; ${megabytes(layers.keptBytes)} kept`,
    `ONNX operators           ${counted(operators.length)}, of which ${count('Gemm')}, ${count('MatMul')}, ${count('FusedMatMul')}`,
  ]);
});
