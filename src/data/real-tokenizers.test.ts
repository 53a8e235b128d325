import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSentencePieceVocabulary } from '../../test/fixtures/tokenizer/vocabulary-files.ts';
import { openModelFiles } from '../formats/index.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer/index.ts';
import { loadCompletions, loadPairs } from './load.ts';
import { fileSource } from './sources/node-source.ts';
import { memorySource } from './sources/source.ts';

const fixtures = join(import.meta.dirname, 'fixtures/trl');
const shared = join(import.meta.dirname, '../../../shared');
const smollm2 = process.env['PREFTUNE_TEST_SMOLLM2'] ?? '';
const noModel = existsSync(smollm2) ? '' : '(skipped: PREFTUNE_TEST_SMOLLM2 names no file)';
const noShared = existsSync(shared) ? '' : `(skipped: no ${shared})`;
for (const reason of new Set([noModel, noShared]))
  if (reason) process.stderr.write(`real-tokenizers.test.ts: ${reason}\n`);

interface RecordedRow {
  readonly prompt_ids: number[];
  readonly chosen_ids: number[];
  readonly rejected_ids: number[];
}

async function tokenizerOf(path: string): Promise<Tokenizer> {
  const files = await openModelFiles(path);
  try {
    return createTokenizer(files.tokenizer);
  } finally {
    await files.close();
  }
}

// TRL trains the line end behind <|im_end|> too, and appends EOS to texts; preftune ends at the stop token. Otherwise the
// ids are TRL's: fixtures/trl/record.py has the rows and how they were recorded.
test.skipIf(noModel)(`the ids of TRL 1.16 with SmolLM2's tokenizer ${noModel}`, async () => {
  const recorded = JSON.parse(readFileSync(join(fixtures, 'ids.json'), 'utf8')) as {
    conversations: RecordedRow[];
    texts: RecordedRow[];
  };
  const tokenizer = await tokenizerOf(smollm2);
  const [newline] = tokenizer.encode('\n', { addSpecialTokens: false });
  for (const [file, expected] of [
    ['rows.jsonl', recorded.conversations],
    ['texts.jsonl', recorded.texts],
  ] as const) {
    // TRL has rows of texts as they stand.
    const { rows } = await loadPairs(fileSource(join(fixtures, file)), { tokenizer, textRows: 'raw' });
    expected.forEach((row, index) => {
      const { prompt, chosen, rejected, rejectedPrompt } = rows.row(index);
      const tail = file === 'rows.jsonl' ? [newline!] : [];
      expect(rejectedPrompt).toBeUndefined();
      expect([...prompt]).toEqual(row.prompt_ids);
      expect([...chosen, ...tail]).toEqual(row.chosen_ids);
      expect([...rejected, ...tail]).toEqual(row.rejected_ids);
    });
  }
});

test.skipIf(noModel || noShared)(`helpful-base with SmolLM2's tokenizer ${noModel || noShared}`, async () => {
  const tokenizer = await tokenizerOf(smollm2);
  const source = fileSource(join(shared, 'data/hh-rlhf/helpful-base-test.jsonl.gz'));
  const { rows, tokenisation, skipped } = await loadPairs(source, {
    tokenizer,
    mode: 'lenient',
    maxLength: 512,
  });
  const { kept, dropped, truncated, promptTokensDiffer, noStopToken, duplicatedBos, templateDiffers } = tokenisation;
  expect([rows.count, kept, skipped]).toEqual([2288, 2288, 15]);
  expect([dropped['prompt-too-long']?.count, truncated.chosen?.count, truncated.rejected?.count]).toEqual([51, 42, 31]);
  const clean = [promptTokensDiffer, noStopToken, duplicatedBos, templateDiffers].map(({ count }) => count);
  expect(clean).toEqual([0, 0, 0, 0]);
  const { prompt, chosen } = rows.row(0);
  expect(tokenizer.decode([...prompt]).endsWith('?<|im_end|>\n<|im_start|>assistant\n')).toBe(true);
  expect(tokenizer.decode([...chosen]).endsWith('sorry.<|im_end|>')).toBe(true);
});

test.skipIf(noShared)(`SentencePiece: BOS once, EOS once, the text whole ${noShared}`, async () => {
  const tokenizer = createTokenizer({ kind: 'gguf', metadata: readSentencePieceVocabulary('llama-spm') });
  const record = { prompt: 'The capital of Peru is', chosen: ' Lima, I think.', rejected: 'n\u2019t Cusco' };
  const { rows, tokenisation } = await loadPairs(memorySource('d', JSON.stringify(record)), { tokenizer });
  const { prompt, chosen, rejected, rejectedPrompt } = rows.row(0);
  const { bosId, eosId } = tokenizer;
  for (const [ids, text] of [
    [[...prompt, ...chosen], record.prompt + record.chosen],
    [[...(rejectedPrompt ?? prompt), ...rejected], record.prompt + record.rejected],
  ] as const) {
    expect(ids).toEqual([...tokenizer.encode(text), eosId]);
    expect([ids[0], ids.filter((id) => id === bosId).length, ids.filter((id) => id === eosId).length]).toEqual([
      bosId,
      1,
      1,
    ]);
  }
  expect(tokenisation.examples[0]!.tokens.map((token) => token.text).join('')).toBe(
    '<s> The capital of Peru is Lima, I think.</s>',
  );
});

test.skipIf(noShared)(`plain text in blocks with SentencePiece loses no token ${noShared}`, async () => {
  const tokenizer = createTokenizer({ kind: 'gguf', metadata: readSentencePieceVocabulary('llama-spm') });
  const text = 'Once upon a time there was a fox. '.repeat(9);
  const { rows } = await loadCompletions(memorySource('d', JSON.stringify({ text })), { tokenizer, maxLength: 16 });
  const ids = Array.from({ length: rows.count }, (_, index) => [...rows.row(index).completion]);
  const joined = ids.flatMap((block, index) => (index === 0 ? block : block.slice(1)));
  expect(joined).toEqual([...tokenizer.encode(text), tokenizer.eosId]);
  expect(Math.max(...ids.map((block) => block.length))).toBe(16);
});
