/** Tensor names of llama.cpp's Llama family and what Hugging Face calls them. */

/** Tensors of the whole model. rope_freqs.weight has no counterpart (config.json expresses it) and keeps its name. */
const MODEL_NAMES: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
  'rope_freqs.weight': 'rope_freqs.weight',
};

/** Modules of one layer: blk.N.<left>.weight is model.layers.N.<right>.weight, and likewise for biases. */
const LAYER_NAMES: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

/** The Hugging Face name of a GGUF tensor; undefined when the Llama family has no such tensor. */
export function huggingFaceName(ggufName: string): string | undefined {
  if (Object.hasOwn(MODEL_NAMES, ggufName)) return MODEL_NAMES[ggufName];
  const match = /^blk\.(0|[1-9]\d{0,5})\.([a-z_]+)\.(weight|bias)$/.exec(ggufName);
  const [, layer, module, kind] = match ?? [];
  if (module === undefined || !Object.hasOwn(LAYER_NAMES, module)) return undefined;
  return `model.layers.${layer}.${LAYER_NAMES[module]}.${kind}`;
}

/** The GGUF name of a Hugging Face tensor; undefined when the Llama family has no such tensor. Inverse of huggingFaceName. */
export function nameInGguf(huggingFace: string): string | undefined {
  const whole = Object.entries(MODEL_NAMES).find(([, name]) => name === huggingFace);
  if (whole !== undefined) return whole[0];
  const [, layer, module, kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(huggingFace) ?? [];
  const found = Object.entries(LAYER_NAMES).find(([, name]) => name === module);
  return found === undefined ? undefined : `blk.${layer}.${found[0]}.${kind}`;
}
