/** Fields of a config.json that Transformers takes as floats alone: it refuses 30 where it wants 30.0, which are one number here. */
const FLOATS = ['attn_logit_softcapping', 'final_logit_softcapping', 'initializer_range', 'rms_norm_eps'];
const WHOLE_FLOAT = new RegExp(`^(\\s*"(?:${FLOATS.join('|')})": -?\\d+)(,?)$`, 'gm');

/** config.json as Hugging Face's tools write it: two spaces, a newline at the end, floats with a point. Source: the classes of Transformers 5.23. */
export function configText(config: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(config, null, 2)}\n`.replaceAll(WHOLE_FLOAT, '$1.0$2');
}
