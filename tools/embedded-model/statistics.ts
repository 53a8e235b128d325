import type { Corpus } from './corpus.ts';
import type { SftRow } from './conversations.ts';

/** What the command prints about a corpus. Lengths are in words (runs of letters or digits). */
export interface CorpusStatistics {
  readonly documents: number;
  readonly sftRows: number;
  readonly heldOutRows: number;
  readonly words: number;
  readonly distinctWords: number;
  /** Draws that gave what was there already, over all draws; they were drawn again. */
  readonly repeatedShare: number;
  /** SFT questions (the last user turn) that occur more than once with different answers, over all rows. */
  readonly repeatedQuestionShare: number;
  readonly wordsPerDocument: number;
  readonly wordsPerCurtAnswer: number;
  readonly wordsPerFriendlyAnswer: number;
  readonly curtShare: number;
  readonly multiTurnShare: number;
  readonly systemShare: number;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z']+|[0-9]+/g) ?? [];
}

/** Answers up to this many words count as curt: the generator's curt stories and recipes are longer, most others are not. */
export const CURT_WORDS = 8;

export function corpusStatistics(corpus: Corpus): CorpusStatistics {
  const { pretrain, sft, heldOut, repeated } = corpus;
  const vocabulary = new Set<string>();
  let words = 0;
  const count = (text: string): number => {
    const found = wordsOf(text);
    words += found.length;
    for (const word of found) vocabulary.add(word);
    return found.length;
  };
  const documentWords = pretrain.reduce((sum, text) => sum + count(text), 0);
  const answers = sft.map((row) => count(row.completion[0]!.content));
  for (const row of sft) for (const message of row.prompt) count(message.content);
  const curt = answers.filter((length) => length <= CURT_WORDS);
  const friendly = answers.filter((length) => length > CURT_WORDS);
  const questions = new Set(sft.map((row) => JSON.stringify(row.prompt)));
  const share = (test: (row: SftRow) => boolean): number => sft.filter(test).length / sft.length;
  return {
    documents: pretrain.length,
    sftRows: sft.length,
    heldOutRows: heldOut.length,
    words,
    distinctWords: vocabulary.size,
    repeatedShare: repeated / (repeated + pretrain.length + sft.length),
    repeatedQuestionShare: 1 - questions.size / sft.length,
    wordsPerDocument: documentWords / pretrain.length,
    wordsPerCurtAnswer: mean(curt),
    wordsPerFriendlyAnswer: mean(friendly),
    curtShare: curt.length / sft.length,
    multiTurnShare: share((row) => row.prompt.some((message) => message.role === 'assistant')),
    systemShare: share((row) => row.prompt[0]!.role === 'system'),
  };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
