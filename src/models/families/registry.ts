import type { ModelFamily } from '../model-config.ts';
import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';

/** Every family that preftune computes, by `model_type`. */
export const FAMILIES: Readonly<Record<ModelFamily, Family>> = {
  llama,
  mistral,
  qwen2,
  qwen3,
};
