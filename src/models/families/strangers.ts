import type { ConfigJson } from './config-fields.ts';

/** A kind of models that no family computes: how its `model_type` reads (in llama.cpp's spelling too), the fields that give it away, and what it is. */
interface Kind {
  readonly types: RegExp;
  readonly fields: readonly string[];
  /** Goes on from `model_type "x" is ...`. */
  readonly text: string;
}

/** The first that fits counts: a mixture that sees images is told by its images, since its text part is a mixture as well. */
const KINDS: readonly Kind[] = [
  {
    types: /^(phi3small|phi-msft)$/,
    fields: ['blocksparse_block_size'],
    text: 'a Phi-3 with block-sparse attention; use Phi-3 mini or medium, Phi-3.5 mini or Phi-4, which are phi3',
  },
  {
    types:
      /(_|\d)vl(_|moe|$)|llava|vision|idefics|internvl|paligemma|pixtral|mllama|molmo|smolvlm|kosmos|blip|florence|phi3_v|phi4_?mm|multimodal|omni|audio|voxtral|whisper|mistral3|gemma3n|gemma4|qwen3_5|llama4|chameleon|fuyu|emu3|aria/,
    fields: ['vision_config', 'audio_config', 'mm_vision_tower', 'vision_tower'],
    text: 'a model of images or sound beside text, whose text part is no model that preftune computes alone; use a model of text',
  },
  {
    types:
      /moe|mixtral|gpt_?-?oss|deepseek(_v)?[234]|^dbrx$|^arctic$|^grok|minimax|longcat|kimi|ernie4_5_moe|flex_olmo|glm_moe|qwen3_?next|dots1|mistral4/,
    fields: ['num_local_experts', 'num_experts', 'n_routed_experts', 'moe_intermediate_size', 'num_experts_per_tok'],
    text: 'a mixture of experts, which preftune does not compute; use a dense model of the same makers (Mistral, Qwen3, OLMo 2, Phi-4)',
  },
  {
    types:
      /mamba|rwkv|recurrent_?gemma|jamba|bamba|zamba|xlstm|falcon_h1|falcon-h1|nemotron_h|granitehybrid|^lfm2|plamo2|kimi_linear|olmo_hybrid/,
    fields: ['ssm_cfg', 'state_size', 'mamba_d_state', 'conv_kernel', 'time_mix_extra_dim'],
    text: 'a state-space or recurrent model, in whole or in part; preftune computes transformers whose every layer has attention',
  },
  {
    types:
      /^(m|um|by|long|code)?t5|bart$|^m2m|^marian|^pegasus|^led$|^prophetnet|switch_transformers|t5gemma|^nllb|^fsmt$/,
    fields: [],
    text: 'an encoder with a decoder; preftune computes decoders alone, which read prompt and answer as one text',
  },
  {
    types: /bert|electra|^xlnet$|^xlm|^camembert|^longformer|^big_bird|^mpnet|^funnel|^roformer/,
    fields: [],
    text: 'an encoder, which draws no answers; preftune trains decoders, and judges with any model behind an endpoint',
  },
];

/** What kind of model a config.json that no family takes describes, as `model_type "x" is ...`; undefined where nothing is known of it. */
export function strangerText(type: unknown, config: ConfigJson = {}): string | undefined {
  if (typeof type !== 'string') return undefined;
  const has = (field: string): boolean => {
    const value = config[field];
    return value !== undefined && value !== null && value !== 0 && value !== 1;
  };
  const kind =
    KINDS.find(({ types }) => types.test(type)) ??
    (config['is_encoder_decoder'] === true
      ? KINDS.find(({ text }) => text.startsWith('an encoder with'))
      : undefined) ??
    KINDS.find(({ fields }) => fields.some(has));
  return kind === undefined ? undefined : `${JSON.stringify(type)} is ${kind.text}`;
}
