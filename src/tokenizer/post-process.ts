import { badInput, type JsonRecord } from '../core/index.ts';
import { asArray, asBoolean, asId, asObject, asString } from './json.ts';

/** What a tokenizer puts around the ids of a text. */
export interface Surround {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const NOTHING: Surround = { before: [], after: [] };

/**
 * The `post_processor` of a tokenizer.json, for one text: TemplateProcessing, BertProcessing, RobertaProcessing and
 * sequences of them; ByteLevel changes no ids. Throws bad-input for another kind, and for a template that holds the text
 * other than once.
 *
 * Source: the tokenizer.json format of Hugging Face's `tokenizers` crate, processors/.
 */
export function compilePostProcessor(config: unknown): Surround {
  const object = asObject(config);
  if (object === undefined) return NOTHING;
  switch (object.type) {
    case 'ByteLevel':
      return NOTHING;
    case 'TemplateProcessing':
      return fromTemplate(object);
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: tokenAndId(object.cls), after: tokenAndId(object.sep) };
    case 'Sequence':
      return (asArray(object.processors) ?? [])
        .map(compilePostProcessor)
        .reduce(
          (inner, outer) => ({ before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] }),
          NOTHING,
        );
    default:
      throw badInput({
        file: 'tokenizer.json',
        path: 'post_processor.type',
        message: `tokenizer: post_processor must be TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or a Sequence of them, got ${JSON.stringify(object.type)}; use a model whose tokenizer has one of these`,
      });
  }
}

function fromTemplate(config: JsonRecord): Surround {
  const tokens = asObject(config.special_tokens) ?? {};
  const before: number[] = [];
  const after: number[] = [];
  let texts = 0;
  for (const item of asArray(config.single) ?? []) {
    const special = asString(asObject(asObject(item)?.SpecialToken)?.id);
    if (special === undefined) texts++;
    else (texts === 0 ? before : after).push(...(asArray(asObject(tokens[special])?.ids) ?? []).map(idOf));
  }
  if (texts !== 1) {
    throw badInput({
      file: 'tokenizer.json',
      path: 'post_processor.single',
      message: `tokenizer: post_processor.single must hold the text once, got ${texts} times; correct tokenizer.json`,
    });
  }
  return { before, after };
}

function tokenAndId(pair: unknown): readonly number[] {
  return [idOf(asArray(pair)?.[1])];
}

function idOf(value: unknown): number {
  const id = asId(value);
  if (id !== undefined) return id;
  throw badInput({
    file: 'tokenizer.json',
    path: 'post_processor',
    message: `tokenizer: post_processor's special tokens must have ids that are integers from 0, got ${JSON.stringify(value)}; correct tokenizer.json`,
  });
}

/**
 * What Transformers puts around a text in place of the post-processor when tokenizer_config.json sets add_bos_token or
 * add_eos_token, or when there is no post-processor: BOS in front and EOS behind as the two say, false if absent.
 * undefined where the post-processor stands.
 *
 * Source: `TokenizersBackend.__init__` and `update_post_processor` of Transformers 5.
 */
export function surroundFromConfig(
  config: JsonRecord | undefined,
  ids: { readonly bosId: number | undefined; readonly eosId: number | undefined },
): Surround | undefined {
  const addBos = asBoolean(config?.add_bos_token);
  const addEos = asBoolean(config?.add_eos_token);
  if (addBos === undefined && addEos === undefined) return undefined;
  return {
    before: addBos === true && ids.bosId !== undefined ? [ids.bosId] : [],
    after: addEos === true && ids.eosId !== undefined ? [ids.eosId] : [],
  };
}
