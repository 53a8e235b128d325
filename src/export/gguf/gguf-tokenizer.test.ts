import { describe, expect, it } from 'vitest';
import {
  gpt2Metadata,
  missingVocabularies,
  readGolden,
  readSentencePieceVocabulary,
} from '../../../test/fixtures/tokenizer/vocabulary-files.ts';
import { readRecorded, type RecordedRow } from '../../../test/fixtures/tokenizer/recorded.ts';
import { openModelFiles, type TokenizerFiles } from '../../formats/index.ts';
import { createTokenizer, tokenizerFilesOf } from '../../tokenizer/index.ts';
import type { GgufMetadata } from './gguf-config.ts';
import { ggufTokenizer } from './gguf-tokenizer.ts';
import { sampleSet } from '../samples.ts';

type HuggingFace = Extract<TokenizerFiles, { kind: 'huggingface' }>;

async function expressed(files: TokenizerFiles, preTokenizers: readonly string[] = []): Promise<GgufMetadata> {
  const tokenizer = createTokenizer(files);
  const samples = await sampleSet(tokenizer, { data: undefined, count: 8 });
  return ggufTokenizer({ files, tokenizer, vocabularySize: tokenizer.vocabularySize + 3, samples, preTokenizers });
}

/** The files of a Hugging Face folder that stand for GGUF metadata. */
function huggingFaceOf(metadata: ReadonlyMap<string, unknown>): HuggingFace {
  const files = tokenizerFilesOf({ kind: 'gguf', metadata });
  return {
    kind: 'huggingface',
    tokenizerJson: JSON.parse(files['tokenizer.json']!) as unknown,
    tokenizerConfig: JSON.parse(files['tokenizer_config.json']!) as Record<string, unknown>,
    chatTemplate: undefined,
    specialTokensMap: undefined,
  };
}

function values(metadata: GgufMetadata): Map<string, unknown> {
  return new Map([...metadata].map(([key, entry]) => [key, entry.value as unknown]));
}

if (missingVocabularies !== undefined)
  process.stderr.write(`gguf-tokenizer.test.ts: golden ids ${missingVocabularies}\n`);

describe.skipIf(missingVocabularies !== undefined)('tokenizer.json as GGUF metadata', () => {
  it.each([
    ['gpt-2', 'gpt2', 'gpt-2'],
    ['llama-spm', 'llama', 'default'],
    ['phi-3', 'llama', 'default'],
  ] as const)("%s: llama.cpp's own ids on its own texts", async (name, model, pre) => {
    const original = name === 'gpt-2' ? gpt2Metadata() : readSentencePieceVocabulary(name);
    const metadata = values(await expressed(huggingFaceOf(original)));
    expect([metadata.get('tokenizer.ggml.model'), metadata.get('tokenizer.ggml.pre')]).toEqual([model, pre]);
    const tokenizer = createTokenizer({ kind: 'gguf', metadata });
    for (const { text, ids } of readGolden(name))
      expect(tokenizer.encode(text, { addSpecialTokens: false })).toEqual(ids);
  });
});

async function embedded(): Promise<HuggingFace> {
  const files = await openModelFiles(new URL('../../../assets/embedded-model', import.meta.url).pathname);
  await files.close();
  return files.tokenizer as HuggingFace;
}

type Recorded = Readonly<Record<string, { tokenizer: Record<string, unknown>; rows: RecordedRow[] }>>;

describe('recorded tokenizers', () => {
  const tiny = readRecorded<Recorded>('tiny.json');
  const texts = readRecorded<string[]>('strings.json');

  it.each([
    ['gemma', 'llama', 'default', true],
    ['smollm3', 'gpt2', 'llama-bpe', false],
    ['smollm', 'gpt2', 'refact', false],
  ])("%s: the same ids, and a text's own spaces", async (name, model, pre, addsBos) => {
    const { tokenizer: tokenizerJson, rows } = tiny[name]!;
    const config = name === 'gemma' ? { bos_token: '<bos>', eos_token: '<eos>' } : { eos_token: '<|im_end|>' };
    const files: HuggingFace = {
      kind: 'huggingface',
      tokenizerJson,
      tokenizerConfig: config,
      chatTemplate: undefined,
      specialTokensMap: undefined,
    };
    const metadata = values(await expressed(files, ['refact']));
    const read = (key: string): unknown => metadata.get(`tokenizer.ggml.${key}`);
    expect([read('model'), read('pre'), read('add_bos_token')]).toEqual([model, pre, addsBos]);
    const tokenizer = createTokenizer({ kind: 'gguf', metadata });
    // Literal marks of spaces are read as spaces by one and as themselves by the other.
    const same = texts.map((text, i) => [text, rows[i]!] as const).filter(([text]) => !text.includes('\u2581'));
    expect(same.map(([text]) => tokenizer.encode(text))).toEqual(same.map(([, { withSpecial }]) => withSpecial));
    expect(same.map(([, { withSpecial }]) => tokenizer.decode(withSpecial))).toEqual(
      same.map(([, { decoded }]) => decoded),
    );
  });

  it('gemma: runs of spaces are tokens of users, which llama.cpp looks for in the text and writes as they are', async () => {
    const files: HuggingFace = {
      kind: 'huggingface',
      tokenizerJson: tiny['gemma']!.tokenizer,
      tokenizerConfig: { bos_token: '<bos>', eos_token: '<eos>', unk_token: '<unk>' },
      chatTemplate: undefined,
      specialTokensMap: undefined,
    };
    const metadata = values(await expressed(files));
    const tokens = metadata.get('tokenizer.ggml.tokens') as string[];
    const types = metadata.get('tokenizer.ggml.token_type') as number[];
    expect(tokens.filter((_, id) => types[id] === 4)).toEqual(['\n', '\n\n', '\n\n\n', '  ', '   ', '    ', '<h1>']);
    expect(metadata.get('tokenizer.ggml.add_space_prefix')).toBe(false);
  });
});

describe('the embedded model', () => {
  it('has the pre-tokenizer that cuts digits apart, its template, types and stop ids', async () => {
    const metadata = values(await expressed(await embedded()));
    const tokens = metadata.get('tokenizer.ggml.tokens') as string[];
    const types = metadata.get('tokenizer.ggml.token_type') as number[];
    const picked = [
      'model',
      'pre',
      'eos_token_id',
      'padding_token_id',
      'eot_token_id',
      'add_bos_token',
      'add_eos_token',
    ].map((key) => metadata.get(`tokenizer.ggml.${key}`));
    expect(picked).toEqual(['gpt2', 'smollm', 2, 0, undefined, false, false]);
    expect(tokens.slice(0, 3)).toEqual(['<|endoftext|>', '<|im_start|>', '<|im_end|>']);
    expect(types.slice(0, 4)).toEqual([3, 3, 3, 1]);
    expect([tokens.slice(2048), types.slice(2048)]).toEqual([
      ['[PAD2048]', '[PAD2049]', '[PAD2050]'],
      [5, 5, 5],
    ]);
    expect(metadata.get('tokenizer.chat_template')).toContain("<|im_start|>{{ message['role'] }}");
  });

  it('passes on what came from a GGUF file with the types that llama.cpp wants', async () => {
    const first = await expressed(await embedded());
    const again = await expressed({ kind: 'gguf', metadata: values(first) });
    expect(again).toEqual(first);
  });

  it.each([
    [
      'Unigram',
      { type: 'Unigram' },
      'gguf: the tokenizer must be byte-level or SentencePiece BPE, got Unigram; GGUF export does not express it, use --to hf',
    ],
    [
      'WordPiece',
      { type: 'WordPiece' },
      'gguf: the tokenizer must be byte-level or SentencePiece BPE, got WordPiece; GGUF export does not express it, use --to hf',
    ],
  ])('%s is refused by name', async (_name, model, message) => {
    const files = await embedded();
    const tokenizer = createTokenizer(files);
    const samples = await sampleSet(tokenizer, { data: undefined, count: 8 });
    const tokenizerJson = { ...(files.tokenizerJson as object), model };
    expect(() =>
      ggufTokenizer({ files: { ...files, tokenizerJson }, tokenizer, vocabularySize: 2048, samples }),
    ).toThrow(message);
  });

  it('refuses a cut that llama.cpp has no name for, and says what differs', async () => {
    const files = await embedded();
    const tokenizerJson = {
      ...(files.tokenizerJson as object),
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: '[aeiou]' }, behavior: 'Isolated', invert: false },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        ],
      },
    };
    await expect(expressed({ ...files, tokenizerJson })).rejects.toThrow(
      /^gguf: how the tokenizer cuts text must be one of llama\.cpp's ways, it does not: ids of .* must be \[.*, got \[.*; GGUF cannot express it, use --to hf or onnx$/,
    );
  });
});
