import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { badInputOf, readRecorded, type RecordedRow } from '../../../test/fixtures/tokenizer/recorded.ts';
import { missingVocabularies, readGpt2 } from '../../../test/fixtures/tokenizer/vocabulary-files.ts';
import { createTokenizer } from '../create.ts';
import type { TokenizerOptions } from './huggingface.ts';
import type { Tokenizer } from '../tokenizer.ts';

interface Extras {
  readonly config?: Record<string, unknown>;
  readonly map?: Record<string, unknown>;
  readonly chatTemplate?: string;
}

function load(tokenizerJson: unknown, extras: Extras = {}, options: TokenizerOptions = {}): Tokenizer {
  const { config: tokenizerConfig, map: specialTokensMap, chatTemplate } = extras;
  return createTokenizer(
    { kind: 'huggingface', tokenizerJson, tokenizerConfig, chatTemplate, specialTokensMap },
    options,
  );
}

const strings = readRecorded<string[]>('strings.json');
const tiny = readRecorded<Record<string, { tokenizer: Record<string, unknown>; rows: RecordedRow[] }>>('tiny.json');
const chat = tiny['smollm']!.tokenizer;
const pieces = tiny['sentencepiece']!.tokenizer;

describe('recorded from the tokenizers package', () => {
  it.each(Object.keys(tiny))('%s: ids and texts', (name) => {
    const { tokenizer: json, rows } = tiny[name]!;
    const tokenizer = load(json);
    expect(strings.length).toBe(67);
    const got = strings.map((text, index): RecordedRow => {
      const withSpecial = rows[index]!.withSpecial;
      return {
        ids: tokenizer.encode(text, { addSpecialTokens: false }),
        withSpecial: tokenizer.encode(text),
        decoded: tokenizer.decode(withSpecial),
        skipped: tokenizer.decode(withSpecial, { skipSpecialTokens: true }),
      };
    });
    expect(got).toEqual(rows);
  });

  if (missingVocabularies !== undefined) process.stderr.write(`huggingface.test.ts: GPT-2 ${missingVocabularies}\n`);
  it.skipIf(missingVocabularies !== undefined)('GPT-2', () => {
    const { vocabulary: vocab, merges } = readGpt2();
    const tokenizer = load({
      model: { type: 'BPE', vocab, merges },
      added_tokens: [{ id: 50256, content: '<|endoftext|>', special: true }],
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
      decoder: { type: 'ByteLevel' },
    });
    expect(tokenizer.vocabularySize).toBe(50257);
    expect(strings.map((text) => tokenizer.encode(text))).toEqual(readRecorded<number[][]>('gpt2.json'));
  });
});

describe('special tokens', () => {
  it('are read from tokenizer_config.json as strings or objects, then from special_tokens_map.json', () => {
    const tokenizer = load(chat, {
      config: { bos_token: '<|im_start|>', eos_token: { content: '<|im_end|>', lstrip: false }, unk_token: null },
      map: { pad_token: { content: '<|endoftext|>' }, eos_token: '<|endoftext|>' },
    });
    expect([tokenizer.bosId, tokenizer.eosId, tokenizer.padId]).toEqual([0, 1, 2]);
    expect(tokenizer.stopIds).toEqual([1]);
    expect(tokenizer.vocabularySize).toBe(420);
    expect(tokenizer.tokenText(1)).toBe('<|im_end|>');
  });

  it('add_bos_token and add_eos_token replace the post-processor, as in Transformers', () => {
    const names = { bos_token: '<s>', eos_token: '</s>' };
    const encode = (config: Record<string, unknown>): number[] => load(pieces, { config }).encode('a');
    const a = load(pieces).encode('a', { addSpecialTokens: false });
    expect(encode(names)).toEqual([1, ...a]);
    expect(encode({ ...names, add_bos_token: false })).toEqual(a);
    expect(encode({ ...names, add_bos_token: true, add_eos_token: true })).toEqual([1, ...a, 2]);
  });

  it('a token that only added_tokens_decoder has is recognised in text', () => {
    const entry = { content: '<tool>', special: false, lstrip: false, rstrip: true, single_word: false };
    const tokenizer = load(chat, { config: { added_tokens_decoder: { 421: entry } } });
    expect(tokenizer.vocabularySize).toBe(422);
    expect(tokenizer.encode('<tool>  <tool>')).toEqual([421, 421]);
    expect(tokenizer.tokenText(420)).toBe('');
  });
});

describe('stop ids', () => {
  const config = { eos_token: '<|endoftext|>' };
  const template = '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}';

  it('hold EOS and the token with which the template closes an assistant turn', () => {
    expect(load(chat, { config }).stopIds).toEqual([2]);
    expect(load(chat, { config, chatTemplate: template }).stopIds).toEqual([1, 2]);
  });

  it('hold nothing for a template that closes turns with text, or that cannot render the probe', () => {
    const text = '{% for m in messages %}{{ m.role }}: {{ m.content }} (end)<|im_end|>{% endfor %}';
    expect(load(chat, { config, chatTemplate: text }).stopIds).toEqual([2]);
    const raising = "{{ raise_exception('no') }}";
    expect(load(chat, { config, chatTemplate: raising }).stopIds).toEqual([2]);
  });

  it('hold the ids of generation_config.json, a number or a list', () => {
    expect(load(chat, { config }, { eosTokenId: 7 }).stopIds).toEqual([2, 7]);
    expect(load(chat, { config }, { eosTokenId: [9, 2, 1] }).stopIds).toEqual([1, 2, 9]);
  });
});

describe('identity', () => {
  it('is the same for equal content in another order, and differs with what decides ids or text', () => {
    const reordered = Object.fromEntries(Object.entries(chat).toReversed());
    const base = load(chat).identity;
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    expect(load(reordered).identity).toBe(base);
    const others = [
      load(chat, { chatTemplate: 'x' }),
      load(chat, { config: { eos_token: '<|im_end|>' } }),
      load({ ...chat, normalizer: { type: 'NFC' } }),
      load(chat, {}, { eosTokenId: 5 }),
    ].map((tokenizer) => tokenizer.identity);
    expect(new Set([base, ...others]).size).toBe(5);
  });

  it('is the same every day, also where the template prints the day, which stands beside it', () => {
    const [first, second] = [1, 2].map((day) =>
      load(chat, { chatTemplate: "{{ strftime_now('%d') }}" }, { templateTime: `2024-07-0${day}` }),
    );
    expect(first!.identity).toBe(second!.identity);
    expect([first, second].map((one) => one!.chatTemplate!.clock!.printed())).toEqual(['01', '02']);
  });
});

describe('round trips', () => {
  // Normalised text (NFC) is another text; unigram and prefix-space vocabularies put a space in front.
  it.each(['byte-level', 'llama3', 'smollm', 'sentencepiece', 'metaspace-first'])('%s: any Unicode text', (name) => {
    const tokenizer = load(tiny[name]!.tokenizer);
    const markIsSpace = name === 'sentencepiece' || name === 'metaspace-first';
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const expected = markIsSpace ? text.replaceAll('\u2581', ' ') : text;
        const decoded = tokenizer.decode(tokenizer.encode(text, { addSpecialTokens: false }));
        // Metaspace puts no mark in front of a text that starts with one, so that decoding takes a space too many.
        return decoded === expected || (name === 'metaspace-first' && ` ${decoded}` === expected);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('a lone surrogate becomes U+FFFD', () => {
    for (const name of ['byte-level', 'sentencepiece']) {
      const tokenizer = load(tiny[name]!.tokenizer);
      expect(tokenizer.decode(tokenizer.encode('a\ud800b\udfff', { addSpecialTokens: false }))).toBe('a\ufffdb\ufffd');
    }
  });

  it('a megabyte of one letter takes time in proportion', () => {
    const tokenizer = load(tiny['byte-level']!.tokenizer);
    const spent = (length: number): number => {
      const text = 'x'.repeat(length);
      const start = process.cpuUsage();
      tokenizer.encode(text);
      return process.cpuUsage(start).user / 1000;
    };
    spent(10_000);
    // Quadratic would be 256 times as long; n log n is some 20 times, of processor time, since the machine may be busy.
    expect(spent(2 ** 20)).toBeLessThan(100 * Math.max(spent(2 ** 16), 10));
  });
});

describe('malformed files', () => {
  it('name the file, the field and what was found', () => {
    expect(badInputOf(() => load([]))).toBe(
      'tokenizer.json: tokenizer: the file must be a JSON object, got []; save the tokenizer again with a recent version of Transformers',
    );
    expect(badInputOf(() => load({ model: { type: 'BPE', vocab: 3 } }))).toBe(
      'tokenizer.json: tokenizer: model.vocab must be an object of ids by token, got 3; save the tokenizer again with a recent version of Transformers\n' +
        'tokenizer.json: tokenizer: model.merges must be a list of pairs, got nothing; save the tokenizer again with a recent version of Transformers',
    );
    expect(badInputOf(() => load({ model: { type: 'BPE', vocab: { a: -1 }, merges: [] } }))).toBe(
      'tokenizer.json: tokenizer: the id of "a" must be an integer from 0 to 2097151, got -1; correct tokenizer.json',
    );
    expect(badInputOf(() => load({ model: { type: 'BPE', vocab: { a: 0 }, merges: ['a'] } }))).toBe(
      'tokenizer.json: tokenizer: model.merges.0 must be two tokens, got "a"; correct tokenizer.json',
    );
  });

  it('report all special tokens without an id at once', () => {
    expect(badInputOf(() => load(chat, { config: { bos_token: '<a>', eos_token: '<b>' } }))).toBe(
      'tokenizer_config.json: tokenizer: bos_token must be a token of tokenizer.json, got "<a>"; add it there or change bos_token\n' +
        'tokenizer_config.json: tokenizer: eos_token must be a token of tokenizer.json, got "<b>"; add it there or change eos_token',
    );
  });

  it('name a component of an unknown kind', () => {
    expect(badInputOf(() => load({ ...chat, pre_tokenizer: { type: 'Novel' } }))).toBe(
      'tokenizer.json: tokenizer: pre_tokenizer must be of a kind that we know, got "Unknown PreTokenizer type: Novel"; use a model whose tokenizer has one of these',
    );
    expect(badInputOf(() => load({ ...chat, post_processor: { type: 'Novel' } }))).toBe(
      'tokenizer.json: tokenizer: post_processor must be TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or a Sequence of them, got "Novel"; use a model whose tokenizer has one of these',
    );
  });

  it('an id that would only make us allocate is refused', () => {
    expect(badInputOf(() => load({ ...chat, added_tokens: [{ id: 4_000_000_000, content: 'x' }] }))).toBe(
      'tokenizer.json: tokenizer: an added token must have content (a string) and id (an integer from 0 to 2097151), got {"id":4000000000,"content":"x"}; correct the file',
    );
  });

  it('ids outside the vocabulary are refused', () => {
    const must = 'tokenizer: a token id must be an integer from 0 to 419, got 420; use the tokenizer that made the ids';
    expect(badInputOf(() => load(chat).decode([420]))).toBe(must);
    expect(badInputOf(() => load(chat).tokenText(420))).toBe(must);
  });

  it('a model without tokenizer', () => {
    expect(badInputOf(() => createTokenizer({ kind: 'none', reason: 'a folder without tokenizer.json' }))).toBe(
      "tokenizer: the model must come with a tokenizer, got a folder without tokenizer.json; add the tokenizer's files",
    );
  });
});
