import type { ModelFamily } from '../model-config.ts';
import type { Family, GgufFacts } from './family.ts';
import { FAMILIES } from './registry.ts';

/** Tensors outside the layers, which all families call the same. Divisors of a rope's frequencies have no counterpart (config.json expresses them) and keep their names. */
const MODEL_TENSORS: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
  'rope_freqs.weight': 'rope_freqs.weight',
  'rope_factors_long.weight': 'rope_factors_long.weight',
  'rope_factors_short.weight': 'rope_factors_short.weight',
};

const ALL = Object.entries(FAMILIES) as readonly (readonly [ModelFamily, Family])[];

/** Every general.architecture that a family has, each once. */
export const GGUF_ARCHITECTURES: readonly string[] = [...new Set(ALL.map(([, { gguf }]) => gguf.architecture))];

/** The family of a GGUF file: of those with its general.architecture the one that claims it, else the one that claims nothing. */
export function familyOfGguf(architecture: string, file: GgufFacts): ModelFamily | undefined {
  const candidates = ALL.filter(([, { gguf }]) => gguf.architecture === architecture);
  const claiming = candidates.find(([, { gguf }]) => gguf.claims?.(file) === true);
  return (claiming ?? candidates.find(([, { gguf }]) => gguf.claims === undefined))?.[0];
}

/** The Hugging Face name of a family's GGUF tensor; undefined when it has no such tensor. */
export function huggingFaceName(family: ModelFamily, ggufName: string): string | undefined {
  if (Object.hasOwn(MODEL_TENSORS, ggufName)) return MODEL_TENSORS[ggufName];
  const { tensors } = FAMILIES[family].gguf;
  const match = /^blk\.(0|[1-9]\d{0,5})\.([a-z_]+)\.(weight|bias)$/.exec(ggufName);
  const [, layer, module, kind] = match ?? [];
  if (module === undefined || !Object.hasOwn(tensors, module)) return undefined;
  return `model.layers.${layer}.${tensors[module]}.${kind}`;
}

/** The GGUF name of a family's Hugging Face tensor; undefined when it has no such tensor. Inverse of huggingFaceName. */
export function nameInGguf(family: ModelFamily, huggingFace: string): string | undefined {
  const whole = Object.entries(MODEL_TENSORS).find(([, name]) => name === huggingFace);
  if (whole !== undefined) return whole[0];
  const [, layer, module, kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(huggingFace) ?? [];
  const found = Object.entries(FAMILIES[family].gguf.tensors).find(([, name]) => name === module);
  return found === undefined ? undefined : `blk.${layer}.${found[0]}.${kind}`;
}

/** What llama.cpp's files have added to a weight: a norm's offset in some families, else 0. */
export function normShift(family: ModelFamily, name: string): number {
  return name.endsWith('norm.weight') ? (FAMILIES[family].gguf.normShift ?? 0) : 0;
}

/** Whether llama.cpp keeps the rows of a weight (`...self_attn.q_proj.weight`, or its bias) as neighbours: of queries, of keys, or not at all. */
export function interleavedRows(family: ModelFamily, name: string): 'queries' | 'keys' | undefined {
  if (!FAMILIES[family].gguf.isInterleaved) return undefined;
  if (/\.self_attn\.q_proj\./.test(name)) return 'queries';
  return /\.self_attn\.k_proj\./.test(name) ? 'keys' : undefined;
}
