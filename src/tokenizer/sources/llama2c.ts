import { badInput } from '../../core/index.ts';
import type { TokenizerFiles } from '../../formats/index.ts';
import { assembleTokenizer } from '../assemble.ts';
import { compileDecoder, textOfBytes } from '../decode.ts';
import { createSentencePiece } from './sentencepiece.ts';
import type { Tokenizer } from '../tokenizer.ts';
import { SPACE_MARK } from '../words.ts';

type Llama2cFiles = Extract<TokenizerFiles, { kind: 'llama2c' }>;

const BOS = 1;
const EOS = 2;

/**
 * The tokenizer of llama2.c's tokenizer.bin: SentencePiece BPE by score over tokens that hold plain spaces; a space in front
 * of the text, bytes for what has no token, BOS 1 in front, EOS 2. There is no chat template, and no text is read as BOS or
 * EOS. Throws bad-input unless there is a score for each of at least 259 tokens (three special ones and the bytes).
 *
 * Source: the file format and encoder of Karpathy's llama2.c (run.c).
 */
export function createLlama2cTokenizer({ tokens, scores }: Llama2cFiles): Tokenizer {
  if (tokens.length < 259 || scores.length !== tokens.length) {
    throw badInput(
      `tokenizer: a llama2.c tokenizer must have at least 259 tokens and a score for each, got ${tokens.length} and ${scores.length}; check that the file is a tokenizer.bin`,
    );
  }
  const spellings = tokens.map((bytes, id) => (id < 3 ? ['<unk>', '<s>', '</s>'][id]! : textOfBytes(bytes)));
  // The three special tokens never arise from text.
  const mergeable = spellings.map((spelling, id) => (id < 3 ? '' : spelling.replaceAll(' ', SPACE_MARK)));
  const encode = createSentencePiece({ tokens: mergeable, scores, unknownId: undefined });
  const special = { bosId: BOS, eosId: EOS, padId: undefined };
  const shape = { special: true, lstrip: false, rstrip: false, singleWord: false, normalized: true };
  return assembleTokenizer({
    tokens: spellings,
    // `normalized` keeps them out of the search in the text; they are listed so that decode can leave them out.
    addedTokens: [0, BOS, EOS].map((id) => ({ id, content: spellings[id]!, ...shape })),
    encodePlain: (text, atStart, into) => encode((atStart ? SPACE_MARK : '') + text.replaceAll(' ', SPACE_MARK), into),
    decodeTokens: compileDecoder({
      type: 'Sequence',
      decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }],
    })!,
    surround: { before: [BOS], after: [] },
    special,
    stopIds: [EOS],
    chatTemplate: undefined,
    sources: { spellings, scores: Array.from(scores) },
  });
}
