import type { ConfigFields } from './config-fields.ts';
import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { plainTraits } from './plain-traits.ts';
import type { RopeRules, RopeType } from '../rope.ts';
import { everywhere } from './windows.ts';

/** Older files say su or yarn where they mean longrope. */
const ROPE_TYPES: Readonly<Record<string, RopeType>> = {
  default: 'default',
  longrope: 'longrope',
  su: 'longrope',
  yarn: 'longrope',
};

/** original_max_position_embeddings stands beside the rope; what the rope says of it too must agree, since Transformers takes the outer one. */
function ropeRules(fields: ConfigFields): RopeRules {
  const originalPositions = fields.positive('original_max_position_embeddings', 4096);
  const rope = (fields.value('rope_scaling') ?? fields.value('rope_parameters') ?? {}) as Record<string, unknown>;
  const inner = rope['original_max_position_embeddings'] ?? originalPositions;
  if (inner !== originalPositions) {
    fields.fail(
      'original_max_position_embeddings',
      `original_max_position_embeddings must be the same beside the rope and in it, got ${originalPositions} and ${JSON.stringify(inner)}`,
    );
  }
  fields.value('partial_rotary_factor');
  return { isPartial: true, types: ROPE_TYPES, originalPositions };
}

/**
 * Phi-3, Phi-3.5 and Phi-4 without experts and without images: queries, keys and values in one matrix, gate and up in another. Source: Abdin et
 * al. 2024; Phi3Config of Transformers.
 */
export const phi3: Family = {
  architecture: 'Phi3ForCausalLM',
  defaults: { keyValueHeads: undefined, headSize: undefined, maxPositions: 4096, tiedHead: false, normEpsilon: 1e-5 },
  activation: llama.activation,
  rope: ropeRules,
  traits(fields, sizes) {
    for (const flag of ['attention_bias', 'mlp_bias', 'lm_head_bias']) fields.neverTrue(flag);
    // Phi-4-mini says that nothing of both is used.
    for (const field of ['interpolate_factor', 'full_attn_mod']) fields.onlyOne(field);
    const isWindowed = (fields.value('sliding_window') ?? null) !== null;
    return {
      ...plainTraits(sizes),
      isQueryKeyValueFused: true,
      isGateUpFused: true,
      slidingWindow: everywhere(sizes, isWindowed ? fields.positive('sliding_window') : undefined),
    };
  },
  gguf: {
    architecture: 'phi3',
    tensors: {
      attn_norm: 'input_layernorm',
      attn_qkv: 'self_attn.qkv_proj',
      attn_output: 'self_attn.o_proj',
      ffn_norm: 'post_attention_layernorm',
      ffn_up: 'mlp.gate_up_proj',
      ffn_down: 'mlp.down_proj',
    },
    isInterleaved: false,
    // A window of 0 is how llama.cpp's converter tells Phi-4 from those before it.
    configFields: ({ number }) => {
      const window = number('attention.sliding_window') ?? 0;
      const original = number('rope.scaling.original_context_length');
      return {
        sliding_window: window === 0 ? null : window,
        ...(original === undefined ? {} : { original_max_position_embeddings: original }),
      };
    },
    metadata: ({ slidingWindow: [value = 0] }) => ({ 'attention.sliding_window': { type: 'uint32', value } }),
    preTokenizers: ['dbrx', 'gpt-4o'],
  },
};
