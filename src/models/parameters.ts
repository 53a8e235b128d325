import type { ModelConfig } from './config.ts';

/** One weight of a model: its Hugging Face name and shape ([out, in] for projections). */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The seven projections of a layer, in Hugging Face's names. */
export const PROJECTIONS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;
export type Projection = (typeof PROJECTIONS)[number];

export const EMBEDDING_NAME = 'model.embed_tokens.weight';
export const FINAL_NORM_NAME = 'model.norm.weight';
export const HEAD_NAME = 'lm_head.weight';
/** Paths of the modules outside the layers that an adapter may change. */
export const EMBEDDING_PATH = 'model.embed_tokens';
export const HEAD_PATH = 'lm_head';

/** `model.layers.3.self_attn.q_proj` */
export function projectionPath(layer: number, projection: Projection): string {
  const block =
    projection === 'q_proj' || projection === 'k_proj' || projection === 'v_proj' || projection === 'o_proj'
      ? 'self_attn'
      : 'mlp';
  return `model.layers.${layer}.${block}.${projection}`;
}

/** [out, in] of a projection. */
export function projectionShape(config: ModelConfig, projection: Projection): readonly [number, number] {
  const queries = config.heads * config.headSize;
  const keys = config.keyValueHeads * config.headSize;
  const shapes: Readonly<Record<Projection, readonly [number, number]>> = {
    q_proj: [queries, config.hiddenSize],
    k_proj: [keys, config.hiddenSize],
    v_proj: [keys, config.hiddenSize],
    o_proj: [config.hiddenSize, queries],
    gate_proj: [config.intermediateSize, config.hiddenSize],
    up_proj: [config.intermediateSize, config.hiddenSize],
    down_proj: [config.hiddenSize, config.intermediateSize],
  };
  return shapes[projection];
}

export function projectionHasBias(config: ModelConfig, projection: Projection): boolean {
  if (projection === 'o_proj') return config.outputBias;
  if (projection === 'q_proj' || projection === 'k_proj' || projection === 'v_proj') return config.queryKeyValueBias;
  return config.mlpBias;
}

/** Every weight of the model, in the order of the forward pass. */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  const specs: ParameterSpec[] = [{ name: EMBEDDING_NAME, shape: [config.vocabularySize, config.hiddenSize] }];
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    specs.push({ name: `${prefix}.input_layernorm.weight`, shape: [config.hiddenSize] });
    for (const projection of PROJECTIONS) {
      if (projection === 'gate_proj')
        specs.push({ name: `${prefix}.post_attention_layernorm.weight`, shape: [config.hiddenSize] });
      const path = projectionPath(layer, projection);
      const shape = projectionShape(config, projection);
      specs.push({ name: `${path}.weight`, shape });
      if (projectionHasBias(config, projection)) specs.push({ name: `${path}.bias`, shape: [shape[0]] });
    }
    if (config.queryKeyNorm) {
      specs.push({ name: `${prefix}.self_attn.q_norm.weight`, shape: [config.headSize] });
      specs.push({ name: `${prefix}.self_attn.k_norm.weight`, shape: [config.headSize] });
    }
  }
  specs.push({ name: FINAL_NORM_NAME, shape: [config.hiddenSize] });
  if (!config.tiedHead) specs.push({ name: HEAD_NAME, shape: [config.vocabularySize, config.hiddenSize] });
  return specs;
}

/** The name of the weight that turns hidden states into scores: the head, or the embedding when they are tied. */
export function headName(config: ModelConfig): string {
  return config.tiedHead ? EMBEDDING_NAME : HEAD_NAME;
}

/** [out, in] of the module at a path, as PEFT sees it: an embedding takes tokens (V) to hidden states (D). */
export function moduleShape(config: ModelConfig, path: string): readonly [number, number] {
  if (path === EMBEDDING_PATH) return [config.hiddenSize, config.vocabularySize];
  if (path === HEAD_PATH) return [config.vocabularySize, config.hiddenSize];
  return projectionShape(config, path.slice(path.lastIndexOf('.') + 1) as Projection);
}

/** The name of the weight that the module at a path multiplies with; a tied head has the embedding's. */
export function moduleWeightName(config: ModelConfig, path: string): string {
  return path === HEAD_PATH ? headName(config) : `${path}.weight`;
}
