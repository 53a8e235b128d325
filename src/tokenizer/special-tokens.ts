import { badInput, type Problem, type JsonRecord } from '../core/index.ts';
import type { AddedToken } from './added-tokens.ts';
import { asArray, asBoolean, asId, asObject, asString } from './json.ts';

/** More tokens than any model has; an id beyond it would only make us allocate. */
export const MAX_VOCABULARY = 2 ** 21;

/** The names under which Hugging Face's files and chat templates know special tokens. */
export const SPECIAL_NAMES = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;

export type SpecialName = (typeof SPECIAL_NAMES)[number];

export type SpecialTokens = Readonly<Partial<Record<SpecialName, string>>>;

/**
 * The special tokens' spellings. tokenizer_config.json wins over special_tokens_map.json; each may hold a string or an object
 * with `content`; null and false mean that there is none.
 */
export function readSpecialTokens(config: JsonRecord | undefined, map: JsonRecord | undefined): SpecialTokens {
  const tokens: Partial<Record<SpecialName, string>> = {};
  for (const name of SPECIAL_NAMES) {
    const content = config !== undefined && name in config ? contentOf(config[name]) : contentOf(map?.[name]);
    if (content !== undefined) tokens[name] = content;
  }
  return tokens;
}

function contentOf(value: unknown): string | undefined {
  return asString(value) ?? asString(asObject(value)?.content);
}

/**
 * The added tokens of tokenizer.json, those that only tokenizer_config.json's added_tokens_decoder has, and the named special
 * tokens that stand only in the vocabulary, as Transformers adds them. Throws bad-input with every entry that is malformed
 * and every special token that has no id.
 */
export function readAddedTokens(
  tokenizerJson: JsonRecord,
  config: JsonRecord | undefined,
  special: SpecialTokens,
  vocabulary: ReadonlyMap<string, number>,
): readonly AddedToken[] {
  const problems: Problem[] = [];
  const byContent = new Map<string, AddedToken>();
  const add = (entry: unknown, id: number | undefined, where: Omit<Problem, 'message'>): void => {
    const token = asObject(entry);
    const content = asString(token?.content);
    if (token === undefined || content === undefined || id === undefined || id >= MAX_VOCABULARY) {
      const message = `tokenizer: an added token must have content (a string) and id (an integer from 0 to ${MAX_VOCABULARY - 1}), got ${JSON.stringify(entry)}; correct the file`;
      problems.push({ ...where, message });
    } else if (!byContent.has(content)) byContent.set(content, addedToken(token, content, id));
  };
  (asArray(tokenizerJson.added_tokens) ?? []).forEach((entry, index) =>
    add(entry, asId(asObject(entry)?.id), { file: 'tokenizer.json', path: `added_tokens.${index}` }),
  );
  for (const [id, entry] of Object.entries(asObject(config?.added_tokens_decoder) ?? {})) {
    add(entry, asId(Number(id)), { file: 'tokenizer_config.json', path: `added_tokens_decoder.${id}` });
  }
  for (const [name, content] of Object.entries(special)) {
    if (byContent.has(content)) continue;
    const id = vocabulary.get(content);
    if (id !== undefined) byContent.set(content, addedToken({ special: true }, content, id));
    else {
      const message = `tokenizer: ${name} must be a token of tokenizer.json, got ${JSON.stringify(content)}; add it there or change ${name}`;
      problems.push({ file: 'tokenizer_config.json', path: name, message });
    }
  }
  if (problems.length > 0) throw badInput(problems);
  return Array.from(byContent.values());
}

function addedToken(token: JsonRecord, content: string, id: number): AddedToken {
  const special = asBoolean(token.special) === true;
  return {
    id,
    content,
    special,
    lstrip: asBoolean(token.lstrip) === true,
    rstrip: asBoolean(token.rstrip) === true,
    singleWord: asBoolean(token.single_word) === true,
    normalized: asBoolean(token.normalized) ?? !special,
  };
}
