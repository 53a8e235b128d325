import { PROJECTIONS, type ModelConfig, type ModelTraits, type NormPlace, type Projection } from './model-config.ts';

/** One weight of a model: its Hugging Face name and shape ([out, in] for projections). */
export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

export const EMBEDDING_NAME = 'model.embed_tokens.weight';
export const FINAL_NORM_NAME = 'model.norm.weight';
export const HEAD_NAME = 'lm_head.weight';
/** Paths of the modules outside the layers that an adapter may change. */
export const EMBEDDING_PATH = 'model.embed_tokens';
export const HEAD_PATH = 'lm_head';

const ATTENTION: ReadonlySet<Projection> = new Set(['q_proj', 'k_proj', 'v_proj', 'qkv_proj', 'o_proj']);

/** `model.layers.3.self_attn.q_proj` */
export function projectionPath(layer: number, projection: Projection): string {
  return `model.layers.${layer}.${ATTENTION.has(projection) ? 'self_attn' : 'mlp'}.${projection}`;
}

/** The projections that each layer of a model has, in forward order. */
export function projectionsOf(
  config: Pick<ModelTraits, 'isQueryKeyValueFused' | 'isGateUpFused'>,
): readonly Projection[] {
  const absent: readonly Projection[] = [
    ...(config.isQueryKeyValueFused ? (['q_proj', 'k_proj', 'v_proj'] as const) : (['qkv_proj'] as const)),
    ...(config.isGateUpFused ? (['gate_proj', 'up_proj'] as const) : (['gate_up_proj'] as const)),
  ];
  return PROJECTIONS.filter((projection) => !absent.includes(projection));
}

/** [out, in] of a projection. */
export function projectionShape(config: ModelConfig, projection: Projection): readonly [number, number] {
  const queries = config.heads * config.headSize;
  const keys = config.keyValueHeads * config.headSize;
  const shapes: Readonly<Record<Projection, readonly [number, number]>> = {
    q_proj: [queries, config.hiddenSize],
    k_proj: [keys, config.hiddenSize],
    v_proj: [keys, config.hiddenSize],
    qkv_proj: [queries + 2 * keys, config.hiddenSize],
    o_proj: [config.hiddenSize, queries],
    gate_proj: [config.intermediateSize, config.hiddenSize],
    up_proj: [config.intermediateSize, config.hiddenSize],
    gate_up_proj: [2 * config.intermediateSize, config.hiddenSize],
    down_proj: [config.hiddenSize, config.intermediateSize],
  };
  return shapes[projection];
}

export function projectionHasBias({ biases }: Pick<ModelTraits, 'biases'>, projection: Projection): boolean {
  return biases.includes(projection);
}

/** The weight of the norm at a place of a layer; undefined where the family has none there. */
export function normName({ norms }: Pick<ModelTraits, 'norms'>, layer: number, place: NormPlace): string | undefined {
  const module = norms[place];
  return module === undefined ? undefined : `model.layers.${layer}.${module}.weight`;
}

/** Every weight of the model, in the order of the forward pass; norms of a block's result and of queries and keys stand behind its projections. */
export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  const specs: ParameterSpec[] = [{ name: EMBEDDING_NAME, shape: [config.vocabularySize, config.hiddenSize] }];
  for (let layer = 0; layer < config.layers; layer++) specs.push(...layerSpecs(config, layer));
  specs.push({ name: FINAL_NORM_NAME, shape: [config.hiddenSize] });
  if (!config.tiedHead) specs.push({ name: HEAD_NAME, shape: [config.vocabularySize, config.hiddenSize] });
  return specs;
}

function layerSpecs(config: ModelConfig, layer: number): ParameterSpec[] {
  const norm = (place: NormPlace): ParameterSpec[] => {
    const name = normName(config, layer, place);
    return name === undefined ? [] : [{ name, shape: [config.hiddenSize] }];
  };
  const projections = (isAttention: boolean): ParameterSpec[] =>
    projectionsOf(config)
      .filter((projection) => ATTENTION.has(projection) === isAttention)
      .flatMap((projection) => {
        const path = projectionPath(layer, projection);
        const shape = projectionShape(config, projection);
        const bias = projectionHasBias(config, projection) ? [{ name: `${path}.bias`, shape: [shape[0]] }] : [];
        return [{ name: `${path}.weight`, shape }, ...bias];
      });
  return [
    ...norm('beforeAttention'),
    ...projections(true),
    ...norm('afterAttention'),
    ...norm('beforeFeedForward'),
    ...projections(false),
    ...norm('afterFeedForward'),
    ...queryKeyNorms(config, layer),
  ];
}

function queryKeyNorms({ queryKeyNorm, headSize, heads, keyValueHeads }: ModelConfig, layer: number): ParameterSpec[] {
  if (queryKeyNorm === 'none') return [];
  const sizeOf = (count: number): number => (queryKeyNorm === 'head' ? headSize : count * headSize);
  return [
    { name: `model.layers.${layer}.self_attn.q_norm.weight`, shape: [sizeOf(heads)] },
    { name: `model.layers.${layer}.self_attn.k_norm.weight`, shape: [sizeOf(keyValueHeads)] },
  ];
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
