/**
 * Writes the embedded model's training text into a folder:
 *
 *     npx tsx tools/embedded-model/main.ts --output FOLDER [--seed 0] [--documents 24000] [--rows 44000]
 *
 * pretrain.txt (documents divided by <|endoftext|>), pretrain.jsonl ({"text"}), sft.jsonl and sft-held-out.jsonl
 * ({"id", "prompt", "completion"}, conversational), pairs-train.jsonl and pairs-held-out.jsonl (the quickstart's preferences).
 * Statistics go to stdout as JSON.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { quickstartPairs } from '../../src/quickstart/index.ts';
import { badUsage, messageOf } from '../../src/core/index.ts';
import { buildCorpus, DEFAULT_CORPUS } from './corpus.ts';
import { corpusStatistics } from './statistics.ts';

const END_OF_TEXT = '<|endoftext|>';

function integerOption(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  if (!/^[0-9]{1,9}$/.test(text)) {
    throw badUsage(
      `--${name}: must be a whole number of at most nine digits, got '${text}'; leave it out for ${fallback}`,
    );
  }
  return Number(text);
}

function main(): void {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { output: text, seed: text, documents: text, rows: text } });
  const { output } = values;
  if (output === undefined) throw badUsage('--output: must name a folder, got nothing; pass --output FOLDER');
  const seed = integerOption('seed', values.seed, DEFAULT_CORPUS.seed);
  const corpus = buildCorpus({
    seed,
    pretrainDocuments: integerOption('documents', values.documents, DEFAULT_CORPUS.pretrainDocuments),
    sftRows: integerOption('rows', values.rows, DEFAULT_CORPUS.sftRows),
  });
  const pairs = quickstartPairs();
  mkdirSync(output, { recursive: true });
  const writeLines = (file: string, rows: readonly unknown[]): void =>
    writeFileSync(join(output, file), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  writeFileSync(
    join(output, 'pretrain.txt'),
    corpus.pretrain.map((document) => `${document}${END_OF_TEXT}\n`).join(''),
  );
  writeLines(
    'pretrain.jsonl',
    corpus.pretrain.map((document) => ({ text: document })),
  );
  writeLines('sft.jsonl', corpus.sft);
  writeLines('sft-held-out.jsonl', corpus.heldOut);
  writeLines('pairs-train.jsonl', pairs.train);
  writeLines('pairs-held-out.jsonl', pairs.heldOut);
  process.stdout.write(`${JSON.stringify(corpusStatistics(corpus), null, 2)}\n`);
}

try {
  main();
} catch (thrown) {
  process.stderr.write(`${messageOf(thrown)}\n`);
  process.exitCode = 2;
}
