import { describe, expect, it } from 'vitest';
import {
  gpt2Metadata,
  missingVocabularies,
  readGolden,
  readSentencePieceVocabulary,
} from '../../../test/fixtures/tokenizer/vocabulary-files.ts';
import { badInputOf } from '../../../test/fixtures/tokenizer/recorded.ts';
import { openModelFiles } from '../../formats/index.ts';
import { createTokenizer } from '../create.ts';
import { tokenizerFilesOf } from './gguf-files.ts';
import type { Tokenizer } from '../tokenizer.ts';

/** The tokenizer of the written files. */
function readBack(metadata: ReadonlyMap<string, unknown>): Tokenizer {
  const files = tokenizerFilesOf({ kind: 'gguf', metadata });
  return createTokenizer({
    kind: 'huggingface',
    tokenizerJson: JSON.parse(files['tokenizer.json']!) as unknown,
    tokenizerConfig: JSON.parse(files['tokenizer_config.json']!) as Record<string, unknown>,
    chatTemplate: undefined,
    specialTokensMap: undefined,
  });
}

const summary = ({ vocabularySize, bosId, eosId, padId, stopIds, chatTemplate }: Tokenizer): unknown => ({
  vocabularySize,
  bosId,
  eosId,
  padId,
  stopIds,
  template: chatTemplate?.source,
});

if (missingVocabularies !== undefined) process.stderr.write(`gguf-files.test.ts: golden ids ${missingVocabularies}\n`);

describe.skipIf(missingVocabularies !== undefined)('written as tokenizer.json', () => {
  it.each(['gpt-2', 'llama-spm', 'phi-3'] as const)('%s gives the same ids', (name) => {
    const metadata = name === 'gpt-2' ? gpt2Metadata() : readSentencePieceVocabulary(name);
    const before = createTokenizer({ kind: 'gguf', metadata });
    const after = readBack(metadata);
    expect(summary(after)).toEqual(summary(before));
    const texts = readGolden(name).map(({ text }) => text);
    expect(texts.map((text) => after.encode(text))).toEqual(texts.map((text) => before.encode(text)));
    const ids = readGolden(name).map((golden) => golden.ids);
    expect(ids.map((list) => after.decode(list))).toEqual(ids.map((list) => before.decode(list)));
  });
});

const SMOLLM2 = process.env['PREFTUNE_TEST_SMOLLM2'];
if (SMOLLM2 === undefined) process.stderr.write('gguf-files.test.ts: skipped: PREFTUNE_TEST_SMOLLM2 names no file\n');

it.skipIf(SMOLLM2 === undefined)('SmolLM2 gives the same ids and chats', async () => {
  const files = await openModelFiles(SMOLLM2!);
  await files.close();
  if (files.tokenizer.kind !== 'gguf') throw new Error('not a GGUF file');
  const [before, after] = [createTokenizer(files.tokenizer), readBack(files.tokenizer.metadata)];
  expect(summary(after)).toEqual(summary(before));
  const messages = [
    { role: 'user', content: 'What is 12345 + 6? caf\u00e9 \u4f60\u597d' },
    { role: 'assistant', content: '12351.' },
  ];
  const texts = [before, after].map((one) => one.chatTemplate!.render(messages, { addGenerationPrompt: true }));
  expect(texts[1]).toBe(texts[0]);
  expect(after.encode(texts[0]!)).toEqual(before.encode(texts[0]!));
});

it('refuses what is no GGUF tokenizer', () => {
  expect(badInputOf(() => tokenizerFilesOf({ kind: 'none', reason: 'nothing' }))).toBe(
    'tokenizer: it must come from a GGUF file to be written as tokenizer.json, got none',
  );
});
