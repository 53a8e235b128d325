import { badInput, localTimeOf, messageOf, shownValue, type Problem, type JsonRecord } from '../../core/index.ts';
import type { TokenizerFiles } from '../../formats/index.ts';
import { createSectionSplitter, type AddedToken } from '../added-tokens.ts';
import { assembleTokenizer } from '../assemble.ts';
import { createBpe, type PieceEncoder } from '../bpe.ts';
import { compileDecoder, type TokensToText } from '../decode.ts';
import { asArray, asBoolean, asId, asIds, asObject, asString } from '../json.ts';
import { createLibraryTokenizer } from '../library.ts';
import { compilePostProcessor, surroundFromConfig } from '../post-process.ts';
import { compilePreTokenizer } from '../pre-tokenize.ts';
import { MAX_VOCABULARY, readAddedTokens, readSpecialTokens } from '../special-tokens.ts';
import { collectStopIds, endOfTurnId } from '../stop-ids.ts';
import { findTemplate } from '../template-source.ts';
import type { Tokenizer } from '../tokenizer.ts';

export interface TokenizerOptions {
  /** generation_config.json's eos_token_id: a number or a list. Each becomes a stop id. */
  readonly eosTokenId?: unknown;
  /**
   * What strftime_now tells chat templates: a local time in ISO 8601, such as `2026-11-30` or `2026-11-30T09:30`, of which what is written is
   * printed. Default: the time of the call, once. It is no part of the tokenizer's identity.
   */
  readonly templateTime?: string | undefined;
}

type HuggingFaceFiles = Extract<TokenizerFiles, { kind: 'huggingface' }>;

/**
 * The tokenizer of a folder in Hugging Face's layout: the ids of Transformers' AutoTokenizer over the same tokenizer.json.
 *
 * Stop ids are EOS, the ids of `eosTokenId`, and the token with which the chat template closes an assistant turn. BOS and
 * EOS are put around a text as the post-processor says, or, where tokenizer_config.json sets add_bos_token or add_eos_token,
 * as these say. Throws bad-input that names the file and the field for what is missing or malformed.
 *
 * BPE models run on our own merge loop and cache over the components that @huggingface/tokenizers parses: on TinyStories,
 * GPT-2's vocabulary, one core, 2 to 4 million tokens/s against the library's 0.3. Other models (Unigram, WordPiece) run in
 * the library.
 */
export function createHuggingFaceTokenizer(files: HuggingFaceFiles, options: TokenizerOptions = {}): Tokenizer {
  const { tokenizerConfig: config } = files;
  const json = tokenizerJsonOf(files);
  const model = asObject(json.model)!;
  const vocabulary = readVocabulary(model);
  const specialTokens = readSpecialTokens(config, files.specialTokensMap);
  const addedTokens = readAddedTokens(json, config, specialTokens, vocabulary);
  const tokens = spellings(vocabulary, addedTokens);
  const idOf = (content: string | undefined): number | undefined =>
    content === undefined
      ? undefined
      : (addedTokens.find((token) => token.content === content)?.id ?? vocabulary.get(content));
  const special = {
    bosId: idOf(specialTokens.bos_token),
    eosId: idOf(specialTokens.eos_token),
    padId: idOf(specialTokens.pad_token),
  };
  const templateTime = options.templateTime ?? localTimeOf(new Date());
  const chatTemplate = findTemplate(files.chatTemplate, config?.chat_template, specialTokens, templateTime);
  const closing = endOfTurnId(chatTemplate, addedTokens);
  return assembleTokenizer({
    tokens,
    addedTokens,
    encodePlain: plainEncoder(json, vocabulary, addedTokens),
    decodeTokens: decoderOf(json, addedTokens),
    surround: surroundFromConfig(config, special) ?? compilePostProcessor(json.post_processor),
    special,
    stopIds: collectStopIds(special.eosId, closing, ...asIds(options.eosTokenId)),
    chatTemplate,
    sources: {
      json,
      addedTokens,
      specialTokens,
      chatTemplate: chatTemplate?.source,
      templates: config?.chat_template,
    },
  });
}

function tokenizerJsonOf({ tokenizerJson }: HuggingFaceFiles): JsonRecord {
  const json = asObject(tokenizerJson);
  const problems: Problem[] = [];
  const need = (path: string, what: string, got: unknown): void => {
    const shown = got === undefined ? 'nothing' : JSON.stringify(got)?.slice(0, 60);
    problems.push({
      file: 'tokenizer.json',
      ...(path === '' ? {} : { path }),
      message: `tokenizer: ${path === '' ? 'the file' : path} must be ${what}, got ${shown}; save the tokenizer again with a recent version of Transformers`,
    });
  };
  if (json === undefined) need('', 'a JSON object', tokenizerJson);
  else if (asObject(json.model) === undefined) need('model', 'an object', json.model);
  else {
    const model = asObject(json.model)!;
    const vocabulary = model.vocab;
    if (asObject(vocabulary) === undefined && asArray(vocabulary) === undefined) {
      need('model.vocab', 'an object of ids by token', vocabulary);
    }
    if (isBpe(model) && asArray(model.merges) === undefined) need('model.merges', 'a list of pairs', model.merges);
  }
  if (problems.length > 0) throw badInput(problems);
  return json!;
}

/** Early files leave the type out; they have merges. */
function isBpe(model: JsonRecord): boolean {
  return model.type === 'BPE' || (model.type === undefined && 'merges' in model);
}

/** Ids by token: an object of ids, or Unigram's list of [token, score]. */
function readVocabulary(model: JsonRecord): ReadonlyMap<string, number> {
  const list = asArray(model.vocab);
  const entries: readonly (readonly [string, unknown])[] =
    list === undefined
      ? Object.entries(asObject(model.vocab)!)
      : list.map((entry, id) => [asString(asArray(entry)?.[0]) ?? '', id] as const);
  const problems: Problem[] = [];
  const vocabulary = new Map<string, number>();
  for (const [token, value] of entries) {
    const id = asId(value);
    if (id !== undefined && id < MAX_VOCABULARY) vocabulary.set(token, id);
    else {
      const message = `tokenizer: the id of ${JSON.stringify(token)} must be an integer from 0 to ${MAX_VOCABULARY - 1}, got ${JSON.stringify(value)}; correct tokenizer.json`;
      problems.push({ file: 'tokenizer.json', path: 'model.vocab', message });
    }
  }
  if (problems.length > 0) throw badInput(problems);
  return vocabulary;
}

function spellings(vocabulary: ReadonlyMap<string, number>, added: readonly AddedToken[]): (string | undefined)[] {
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of vocabulary) tokens[id] = token;
  for (const token of added) tokens[token.id] = token.content;
  return Array.from(tokens);
}

function plainEncoder(
  json: JsonRecord,
  vocabulary: ReadonlyMap<string, number>,
  addedTokens: readonly AddedToken[],
): (text: string, atStart: boolean, into: number[]) => void {
  const { split, byteLevel } = parts('pre_tokenizer', () => compilePreTokenizer(json.pre_tokenizer));
  const encodePiece = pieceEncoder(asObject(json.model)!, vocabulary, byteLevel);
  const { normalizer } = parts('normalizer', () => createLibraryTokenizer({ normalizer: json.normalizer ?? null }));
  const normalize = normalizer ?? ((text: string) => text);
  const normalized = addedTokens.filter((token) => token.normalized);
  const sections = createSectionSplitter(
    normalized,
    normalized.map((token) => normalize(token.content)),
  );
  return (text, atStart, into) => {
    for (const section of sections(normalize(text))) {
      if (section.token !== undefined) into.push(section.token.id);
      else for (const piece of split(section.text, atStart && section.start === 0)) encodePiece(piece, into);
    }
  };
}

function pieceEncoder(model: JsonRecord, vocabulary: ReadonlyMap<string, number>, byteLevel: boolean): PieceEncoder {
  const unknown = asString(model.unk_token);
  const affixed = asString(model.continuing_subword_prefix) || asString(model.end_of_word_suffix);
  if (isBpe(model) && !affixed) {
    return createBpe({
      vocabulary,
      merges: readMerges(model),
      byteLevel,
      byteFallback: asBoolean(model.byte_fallback) === true,
      ignoreMerges: asBoolean(model.ignore_merges) === true,
      unknownId: unknown === undefined ? undefined : vocabulary.get(unknown),
      fuseUnknown: asBoolean(model.fuse_unk) === true,
    });
  }
  const library = parts('model', () => createLibraryTokenizer({ model }));
  // The library's own pre-tokenizer has not run here, so byte spelling is still to be done.
  const unknownId = unknown === undefined ? undefined : vocabulary.get(unknown);
  const bytes = byteLevel
    ? createLibraryTokenizer({ pre_tokenizer: { type: 'ByteLevel', use_regex: false } }).pre_tokenizer!
    : (piece: string): string[] => [piece];
  return (piece, into) => {
    for (const token of library.model(bytes(piece))) {
      const id = vocabulary.get(token) ?? unknownId;
      if (id !== undefined) into.push(id);
    }
  };
}

function readMerges(model: JsonRecord): readonly (readonly [string, string])[] {
  const problems: Problem[] = [];
  const merges = (asArray(model.merges) ?? []).map((merge, index): readonly [string, string] => {
    const pair = typeof merge === 'string' ? merge.split(' ') : (asArray(merge) ?? []);
    const [left, right] = pair;
    if (pair.length === 2 && typeof left === 'string' && typeof right === 'string') return [left, right];
    const message = `tokenizer: model.merges.${index} must be two tokens, got ${JSON.stringify(merge)}; correct tokenizer.json`;
    problems.push({ file: 'tokenizer.json', path: `model.merges.${index}`, message });
    return ['', ''];
  });
  if (problems.length > 0) throw badInput(problems);
  return merges;
}

function decoderOf(json: JsonRecord, addedTokens: readonly AddedToken[]): TokensToText {
  const compiled = parts('decoder', () => compileDecoder(json.decoder));
  if (compiled !== undefined) return compiled;
  const { model, decoder } = json;
  const library = parts('decoder', () => createLibraryTokenizer({ model, decoder, added_tokens: addedTokens }));
  const idOf = new Map(addedTokens.map((token) => [token.content, token.id]));
  return (tokens) =>
    library.decode(
      tokens.map((token) => idOf.get(token) ?? library.token_to_id(token) ?? 0),
      { skip_special_tokens: false, clean_up_tokenization_spaces: false },
    );
}

/** Runs `make`; what the library throws becomes bad-input that names the part of tokenizer.json. */
function parts<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw badInput(
      {
        file: 'tokenizer.json',
        path,
        message: `tokenizer: ${path} must be of a kind that we know, got ${shownValue(messageOf(error))}; use a model whose tokenizer has one of these`,
      },
      { cause: error },
    );
  }
}
