import { describe, expect, it } from 'vitest';
import {
  gpt2Metadata,
  hasVocabulary,
  missingVocabularies,
  readGolden,
  readSentencePieceVocabulary,
} from '../../test/fixtures/tokenizer/vocabulary-files.ts';
import { createTokenizer } from './create.ts';
import type { Tokenizer } from './tokenizer.ts';

const gguf = (metadata: ReadonlyMap<string, unknown>): Tokenizer => createTokenizer({ kind: 'gguf', metadata });
const plain = { addSpecialTokens: false } as const;

if (missingVocabularies !== undefined) process.stderr.write(`gguf.test.ts: golden ids ${missingVocabularies}\n`);

describe.skipIf(missingVocabularies !== undefined)('golden ids of llama.cpp', () => {
  it('gpt-2: byte-level BPE', () => {
    const tokenizer = gguf(gpt2Metadata());
    const golden = readGolden('gpt-2');
    expect(golden.length).toBe(46);
    expect(golden.map(({ text }) => tokenizer.encode(text, plain))).toEqual(golden.map(({ ids }) => ids));
    expect(golden.map(({ ids }) => tokenizer.decode(ids))).toEqual(golden.map(({ text }) => text));
  });

  it.each(['llama-spm', 'phi-3'] as const)('%s: SentencePiece by score', (name) => {
    const tokenizer = gguf(readSentencePieceVocabulary(name));
    const golden = readGolden(name);
    expect(golden.length).toBe(46);
    expect(golden.map(({ text }) => tokenizer.encode(text, plain))).toEqual(golden.map(({ ids }) => ids));
    expect(golden.map(({ ids }) => tokenizer.decode(ids))).toEqual(golden.map(({ text }) => text));
  });
});
