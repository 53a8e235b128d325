import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRecorded, type RecordedRow } from '../../test/fixtures/tokenizer/recorded.ts';
import { createTokenizer } from './create.ts';
import { createStreamDecoder } from './stream-decoder.ts';
import type { Tokenizer } from './tokenizer.ts';

const tiny = readRecorded<Record<string, { tokenizer: unknown; rows: RecordedRow[] }>>('tiny.json');

function load(name: string): Tokenizer {
  return createTokenizer({
    kind: 'huggingface',
    tokenizerJson: tiny[name]!.tokenizer,
    tokenizerConfig: undefined,
    chatTemplate: undefined,
    specialTokensMap: undefined,
  });
}

function stream(tokenizer: Pick<Tokenizer, 'decode'>, ids: readonly number[]): string[] {
  const decoder = createStreamDecoder(tokenizer);
  return [...ids.map((id) => decoder.push(id)), decoder.flush()];
}

describe('createStreamDecoder', () => {
  it('holds a character back until its last byte', () => {
    const tokenizer = load('byte-level');
    const ids = tokenizer.encode('a\u{1f680}b', { addSpecialTokens: false });
    expect(ids.map((id) => tokenizer.tokenText(id))).toEqual(['a', 'ðŁ', 'ļ', 'Ģ', 'b']);
    expect(stream(tokenizer, ids)).toEqual(['a', '', '', '\u{1f680}', 'b', '']);
  });

  it('keeps the spaces of SentencePiece between words, and drops the first', () => {
    const tokenizer = load('sentencepiece');
    const ids = tokenizer.encode('hello é x', { addSpecialTokens: false });
    expect(stream(tokenizer, ids).join('')).toBe('hello é x');
    expect(stream(tokenizer, ids)[0]!.startsWith(' ')).toBe(false);
  });

  it('leaves special tokens out, but for those that are kept, which end what was held back', () => {
    const tokenizer = load('byte-level');
    const [special] = tokenizer.addedTokens.filter((token) => token.special);
    const ids = tokenizer.encode('a\u{1f680}', { addSpecialTokens: false });
    const all = [special!.id, ...ids.slice(0, 2), special!.id, ...ids];
    expect(stream(tokenizer, all).join('')).toBe('a\ufffda\u{1f680}');
    const decoder = createStreamDecoder(tokenizer, new Map([[special!.id, '[CALL]']]));
    expect([...all.map((id) => decoder.push(id)), decoder.flush()].filter((part) => part !== '')).toEqual([
      '[CALL]',
      'a',
      '\ufffd[CALL]',
      'a',
      '\u{1f680}',
    ]);
  });

  it('gives what was never completed at the end, once, and starts anew', () => {
    const tokenizer = load('byte-level');
    const [first, second] = tokenizer.encode('\u{1f680}', { addSpecialTokens: false });
    const decoder = createStreamDecoder(tokenizer);
    expect([decoder.push(first!), decoder.push(second!), decoder.flush(), decoder.flush()]).toEqual([
      '',
      '',
      '\ufffd',
      '',
    ]);
    expect(decoder.push(first!)).toBe('');
  });

  it('leaves special tokens out', () => {
    const tokenizer = load('smollm');
    expect(stream(tokenizer, tokenizer.encode('a<|im_end|>b')).join('')).toBe('ab');
  });

  it.each(['byte-level', 'llama3', 'sentencepiece', 'metaspace-first'])('%s: parts make the whole', (name) => {
    const tokenizer = load(name);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        const ids = tokenizer.encode(text, { addSpecialTokens: false });
        expect(stream(tokenizer, ids).join('')).toBe(tokenizer.decode(ids, { skipSpecialTokens: true }));
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('decodes at most 64 ids a token, whatever they are', () => {
    const tokenizer = load('byte-level');
    let longest = 0;
    const counting: Pick<Tokenizer, 'decode'> = {
      decode: (ids, options) => {
        longest = Math.max(longest, ids.length);
        return tokenizer.decode(ids, options);
      },
    };
    // 0xFF never occurs in UTF-8.
    const [broken] = Array.from({ length: 420 }, (_, id) => id).filter((id) => tokenizer.tokenText(id) === '\u00ff');
    const parts = stream(
      counting,
      Array.from({ length: 1000 }, () => broken!),
    );
    expect(longest).toBe(64);
    expect(parts.join('')).toBe('\ufffd'.repeat(1000));
    longest = 0;
    stream(counting, tokenizer.encode('hello world '.repeat(100)));
    expect(longest).toBe(16);
  });
});
