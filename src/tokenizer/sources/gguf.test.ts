import { describe, expect, it } from 'vitest';
import {
  gpt2Metadata,
  hasVocabulary,
  missingVocabularies,
  readGolden,
  readSentencePieceVocabulary,
  vocabularyPath,
} from '../../../test/fixtures/tokenizer/vocabulary-files.ts';
import {
  badInputOf,
  readRecorded,
  type RecordedSmolLm2,
  type RecordedTemplates,
} from '../../../test/fixtures/tokenizer/recorded.ts';
import { openModelFiles } from '../../formats/index.ts';
import { byteToken } from '../bpe.ts';
import { createTokenizer } from '../create.ts';
import { GGUF_PRE_TOKENIZERS } from './gguf-pre-tokenizers.ts';
import { compilePreTokenizer } from '../pre-tokenize.ts';
import type { Tokenizer } from '../tokenizer.ts';

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

describe.skipIf(missingVocabularies !== undefined)("Phi-3's metadata", () => {
  it("name EOS <|endoftext|>, and the chat template's end of turn is <|end|>", () => {
    const tokenizer = gguf(readSentencePieceVocabulary('phi-3'));
    expect([tokenizer.bosId, tokenizer.eosId, tokenizer.stopIds]).toEqual([1, 32000, [32000, 32007]]);
    const text = tokenizer.chatTemplate!.render([{ role: 'user', content: 'Hi' }], { addGenerationPrompt: true });
    expect(text).toBe('<s><|user|>\nHi<|end|>\n<|assistant|>\n');
    expect(tokenizer.encode(text, plain).slice(0, 2)).toEqual([1, 32010]);
  });
});

/** Golden ids whose vocabulary is not kept; they wait for a file of this name. */
for (const name of ['llama-bpe', 'qwen2']) {
  const present = missingVocabularies === undefined && hasVocabulary(name);
  if (!present) process.stderr.write(`gguf.test.ts: ${name} skipped: its vocabulary is not in ../shared/tokenizers\n`);
  it.skipIf(!present)(`golden ids of llama.cpp: ${name}`, async () => {
    const files = await openModelFiles(vocabularyPath(name));
    const tokenizer = createTokenizer(files.tokenizer);
    await files.close();
    const golden = readGolden(name);
    expect(golden.map(({ text }) => tokenizer.encode(text, plain))).toEqual(golden.map(({ ids }) => ids));
  });
}

const SMOLLM2 = process.env['PREFTUNE_TEST_SMOLLM2'];
if (SMOLLM2 === undefined) process.stderr.write('gguf.test.ts: skipped: PREFTUNE_TEST_SMOLLM2 names no file\n');

describe.skipIf(SMOLLM2 === undefined)('SmolLM2-135M-Instruct', async () => {
  const files = SMOLLM2 === undefined ? undefined : await openModelFiles(SMOLLM2);
  const tokenizer = files === undefined ? undefined! : createTokenizer(files.tokenizer);
  await files?.close();
  const { ids, chats, differing } = readRecorded<RecordedSmolLm2>('smollm2.json');

  it('has the ids that the file names', () => {
    const { vocabularySize, bosId, eosId, padId, stopIds } = tokenizer;
    expect([vocabularySize, bosId, eosId, padId, stopIds]).toEqual([49152, 1, 2, 2, [2]]);
  });

  it("renders and encodes as Transformers with the model's own pre-tokenizer", () => {
    const { conversations } = readRecorded<RecordedTemplates>('templates.json');
    const rendered = conversations.map(({ messages, prompt, tools }) => ({
      text: tokenizer.chatTemplate!.render(messages, {
        addGenerationPrompt: prompt === true,
        ...(tools === undefined ? {} : { tools }),
      }),
    }));
    expect(rendered).toEqual(chats);
    const texts = [...readRecorded<string[]>('strings.json'), ...rendered.map(({ text }) => text)];
    expect(texts.length).toBe(80);
    expect(texts.map((text) => tokenizer.encode(text, plain))).toEqual(ids);
    // Transformers converts GGUF files without the pre-tokenizer that they name; these two texts show it.
    expect(differing.map((index) => texts[index]!.slice(0, 5))).toEqual(['½ ² ①', '<|im_']);
  });
});

/** A byte-level vocabulary of three tokens. */
function withMerges(merges: readonly unknown[]): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>([
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.tokens', ['a', 'b', 'ab']],
    ['tokenizer.ggml.merges', merges],
  ]);
}

describe('metadata', () => {
  const byteTokens = Array.from({ length: 256 }, (_, byte) => byteToken(byte));
  const spm = (more: Readonly<Record<string, unknown>> = {}): Tokenizer =>
    gguf(
      new Map<string, unknown>([
        ['tokenizer.ggml.model', 'llama'],
        ['tokenizer.ggml.tokens', ['<unk>', '<s>', '</s>', ...byteTokens, '\u2581', 'a', '\u2581a', '<user>', '<ctl>']],
        ['tokenizer.ggml.scores', Float32Array.from({ length: 264 }, (_, id) => -id)],
        ['tokenizer.ggml.token_type', [2, 3, 3, ...byteTokens.map(() => 6), 1, 1, 1, 4, 3]],
        ...Object.entries(more).map(([key, value]) => [`tokenizer.${key}`, value] as const),
      ]),
    );
  it('a SentencePiece vocabulary adds BOS and a space in front of the text and behind added tokens', () => {
    expect(spm().encode('a<user>a a')).toEqual([1, 261, 262, 261, 261]);
    expect(spm({ 'ggml.add_space_prefix': false }).encode('a<user>a a')).toEqual([1, 260, 262, 260, 261]);
    expect(spm({ 'ggml.add_bos_token': false, 'ggml.add_eos_token': true }).encode('a')).toEqual([261, 2]);
  });

  it('control tokens are special, user-defined ones are text', () => {
    expect(spm().decode([1, 261, 262, 263, 260, 2], { skipSpecialTokens: true })).toBe('a<user>a');
    expect(spm().decode([1, 261, 262, 263, 260, 2])).toBe('<s> a<user><ctl>a</s>');
  });

  it('stop ids come from EOS, eot_token_id and the chat template', () => {
    const template = '{% for m in messages %}{{ m.content }}<ctl>{% endfor %}';
    const more = { 'ggml.eot_token_id': 262, chat_template: template, 'ggml.padding_token_id': 0n };
    expect(spm(more).stopIds).toEqual([2, 262, 263]);
    expect(spm(more).padId).toBe(0);
  });

  it('an unknown pre-tokenizer is refused by name', () => {
    const metadata = new Map<string, unknown>([
      ['tokenizer.ggml.model', 'gpt2'],
      ['tokenizer.ggml.pre', 'novel'],
      ['tokenizer.ggml.tokens', ['a']],
      ['tokenizer.ggml.merges', []],
    ]);
    expect(badInputOf(() => gguf(metadata))).toMatch(
      /^tokenizer: tokenizer\.ggml\.pre must be one of default, gpt-2, .*, got "novel"; use the model's Hugging Face folder instead$/,
    );
  });

  it('all problems are reported at once', () => {
    const metadata = new Map<string, unknown>([
      ['tokenizer.ggml.model', 'bert'],
      ['tokenizer.ggml.tokens', ['a', 3]],
    ]);
    expect(badInputOf(() => gguf(metadata))).toBe(
      'tokenizer: tokenizer.ggml.model must be "gpt2" or "llama", got "bert"; convert the model to GGUF again\n' +
        'tokenizer: tokenizer.ggml.tokens[1] must be a string, got 3; convert the model to GGUF again',
    );
    expect(badInputOf(() => spm({ 'ggml.scores': [1], 'ggml.token_type': [1, 2] }))).toBe(
      'tokenizer: tokenizer.ggml.token_type must be a list of 264 numbers, one a token, got a list of 2; convert the model to GGUF again\n' +
        'tokenizer: tokenizer.ggml.scores must be a list of 264 numbers, one a token, got a list of 1; convert the model to GGUF again',
    );
    expect(badInputOf(() => spm({ 'ggml.bos_token_id': 264, 'ggml.eos_token_id': -1 }))).toBe(
      'tokenizer: tokenizer.ggml.bos_token_id must be a token id from 0 to 263, got 264; the file is damaged\n' +
        'tokenizer: tokenizer.ggml.eos_token_id must be a token id from 0 to 263, got -1; the file is damaged',
    );
  });

  it('merges may hold spaces in their first token, as llama.cpp reads them', () => {
    expect(gguf(withMerges(['a b'])).encode('abab')).toEqual([2, 2]);
    expect(badInputOf(() => gguf(withMerges(['ab', 'a b', ' ab'])))).toBe(
      'tokenizer: tokenizer.ggml.merges[0] must be two tokens with a space between them, got "ab"; convert the model to GGUF again\n' +
        'tokenizer: tokenizer.ggml.merges[2] must be two tokens with a space between them, got " ab"; convert the model to GGUF again',
    );
  });
});

function split(name: string, text: string): readonly string[] {
  const pretokenizers = GGUF_PRE_TOKENIZERS.get(name)!.patterns.map((Regex) => ({ type: 'Split', pattern: { Regex } }));
  return compilePreTokenizer({ type: 'Sequence', pretokenizers }).split(text, true);
}

describe('pre-tokenizers', () => {
  it('all patterns translate and lose no text', () => {
    const text = "Hello  WORLD's 12345 \u00bd caf\u00e9\n\n\t x--y !?\r\n \u4f60\u597d e\u0301 'LL ";
    const joined = Array.from(GGUF_PRE_TOKENIZERS.keys(), (name) => split(name, text).join(''));
    expect(joined).toEqual(joined.map(() => text));
  });

  it('cut digits, contractions and cases as their models do', () => {
    expect(split('smollm', 'a 123')).toEqual(['a', ' ', '1', '2', '3']);
    expect(split('gpt-2', "I'LL I'll 1234")).toEqual(['I', "'", 'LL', ' I', "'ll", ' 1234']);
    expect(split('llama-bpe', "I'LL 12345\n\n x")).toEqual(['I', "'LL", ' ', '123', '45', '\n\n', ' x']);
    expect(split('qwen2', 'ab 123 !!\n')).toEqual(['ab', ' ', '1', '2', '3', ' !!\n']);
    expect(split('tekken', 'camelCase HTTPServer 12')).toEqual(['camel', 'Case', ' HTTPServer', ' ', '1', '2']);
    expect(split('deepseek-v3', '1234 x')).toEqual(['123', '4', ' x']);
    expect(split('falcon', 'a12345')).toEqual(['a', '123', '45']);
  });
});
