import type { Content, DataRow } from '../data/index.ts';
import { createMinHasher, shingleHashes, type Signatures } from '../statistics/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { asksForLanguage, type DetectLanguage } from '../answers/index.ts';
import { personalBits } from './personal-data.ts';
import { createRatings, type Ratings } from './ratings.ts';
import { keyOf, lastTurn, partsOf, textOf, type RowParts } from './row-parts.ts';
import {
  ANSWER_HASHES,
  createColumn,
  createNameIndex,
  FLAG,
  placeOf,
  PROMPT_HASHES,
  type Column,
  type RowTable,
} from './row-table.ts';
import { hasMarkdown, isRefusal, isTruncated } from '../answers/index.ts';

/** Prompts are compared by their end: a long conversation shares its start with many others. */
const COMPARED_PROMPT = 4000;

const float64 = () => createColumn((length) => new Float64Array(length));
const uint32 = () => createColumn((length) => new Uint32Array(length));
const uint8 = () => createColumn((length) => new Uint8Array(length));

/** How texts are looked at. */
interface Reading {
  /** The index of a text's language; 0 is unknown. */
  readonly language: (text: string) => number;
  /** Tokens of a text; 0 where nobody counts. */
  readonly tokens: (text: string) => number;
}

/** What one pass over data remembers of its rows. */
export interface TableBuilder {
  /** The rows from now on stand in this file. */
  beginFile(name: string): void;
  add(event: DataRow): void;
  finish(): { readonly table: RowTable; readonly ratings: Ratings };
}

export function createTableBuilder({
  detectLanguage,
  tokenizer,
}: {
  readonly detectLanguage?: DetectLanguage;
  readonly tokenizer?: Tokenizer;
}): TableBuilder {
  const [sources, annotators, languages] = [createNameIndex(), createNameIndex(), createNameIndex(255)];
  const reading: Reading = {
    language: (text) => languages.of(detectLanguage?.(text)),
    tokens: (text) => tokenizer?.encode(text, { addSpecialTokens: false }).length ?? 0,
  };
  const [prompts, answers] = [createPromptColumns(reading), createAnswerColumns(reading)];
  const [place, source, annotator, personal] = [float64(), uint32(), uint32(), uint8()];
  const ratings = createRatings();
  const files: string[] = [];
  let count = 0;
  return {
    beginFile(name) {
      files.push(name);
    },
    add(event) {
      const { meta, origin } = event.row;
      const parts = partsOf(event);
      const prompt = prompts.add(parts.prompt);
      const { first, second, personal: ofAnswers } = answers.add(parts);
      place.push(placeOf(files.length - 1, origin.line));
      personal.push(prompt.personal | ofAnswers);
      source.push(sources.of(meta?.source));
      annotator.push(annotators.of(meta?.annotator));
      ratings.addRow(event, {
        row: count,
        prompt: prompt.hash,
        first,
        second,
        shown: shownOf(event),
        annotators,
      });
      count++;
    },
    finish() {
      const table: RowTable = {
        count,
        files,
        place: place.finish(),
        ...prompts.finish(count),
        ...answers.finish(count),
        personal: personal.finish(),
        languages: languages.names,
        source: source.finish(),
        sources: sources.names,
        annotator: annotator.finish(),
        annotators: annotators.names,
      };
      return { table, ratings: ratings.finish() };
    },
  };
}

/** The answers of a row with votes, as they were shown. */
function shownOf(event: DataRow): number[] {
  return event.kind === 'ranking' && event.row.votes !== undefined
    ? event.row.answers.map(({ content }) => keyOf(content))
    : [];
}

/** What is known of a prompt. */
interface KnownPrompt {
  readonly hash: number;
  readonly language: number;
  readonly personal: number;
  readonly signature: Uint8Array;
}

function createPromptColumns({ language }: Reading) {
  const [hashes, languages, bytes] = [float64(), uint8(), uint8()];
  const hasher = createMinHasher(PROMPT_HASHES, 1);
  let known: KnownPrompt | undefined;
  /** Rows of one prompt mostly stand together, and most of the time goes into texts. */
  const knownOf = (prompt: Content): KnownPrompt => {
    const hash = keyOf(prompt);
    if (known?.hash === hash) return known;
    const text = textOf(prompt);
    const signature = new Uint8Array(PROMPT_HASHES);
    hasher.sign(shingleHashes(text.slice(-COMPARED_PROMPT)), signature);
    known = {
      hash,
      language: asksForLanguage(text) ? 0 : language(lastTurn(prompt)),
      personal: personalBits(text),
      signature,
    };
    return known;
  };
  return {
    add(prompt: Content): KnownPrompt {
      const found = knownOf(prompt);
      hashes.push(found.hash);
      languages.push(found.language);
      bytes.extend(PROMPT_HASHES).set(found.signature);
      return found;
    },
    finish: (count: number) => ({
      prompt: hashes.finish(),
      promptLanguage: languages.finish(),
      promptSignatures: signaturesOf(bytes, { hashes: PROMPT_HASHES, count }),
    }),
  };
}

function createAnswerColumns({ language, tokens }: Reading) {
  const [first, second] = [createSideColumns(tokens), createSideColumns(tokens)];
  const [flags, firstLanguage, bytes] = [uint32(), uint8(), uint8()];
  const hasher = createMinHasher(ANSWER_HASHES, 2);
  return {
    /** The hashes of both answers, the second 0 where there is none, and what is personal in them. */
    add(parts: RowParts): { readonly first: number; readonly second: number; readonly personal: number } {
      const firstText = textOf(parts.first);
      const secondText = parts.second === undefined ? '' : textOf(parts.second);
      const firstHash = first.add(parts.first, firstText);
      const secondHash = second.add(parts.second, secondText);
      flags.push(flagsOf(parts, firstText, secondText));
      firstLanguage.push(language(firstText));
      hasher.sign(shingleHashes(`${firstText}\n${secondText}`), bytes.extend(ANSWER_HASHES));
      return {
        first: firstHash,
        second: secondHash,
        personal: personalBits(firstText) | personalBits(secondText),
      };
    },
    finish: (count: number) => ({
      first: first.hashes.finish(),
      second: second.hashes.finish(),
      firstLength: first.lengths.finish(),
      secondLength: second.lengths.finish(),
      firstTokens: first.tokens.finish(),
      secondTokens: second.tokens.finish(),
      flags: flags.finish(),
      firstLanguage: firstLanguage.finish(),
      answerSignatures: signaturesOf(bytes, { hashes: ANSWER_HASHES, count }),
    }),
  };
}

function createSideColumns(count: Reading['tokens']) {
  const [hashes, lengths, tokens] = [float64(), uint32(), uint32()];
  return {
    hashes,
    lengths,
    tokens,
    /** Gives the answer's hash; 0 where there is none. */
    add(content: Content | undefined, text: string): number {
      const hash = content === undefined ? 0 : keyOf(content);
      hashes.push(hash);
      lengths.push(text.length);
      tokens.push(content === undefined ? 0 : count(text));
      return hash;
    },
  };
}

function flagsOf({ second, isTie }: RowParts, firstText: string, secondText: string): number {
  return (
    (second === undefined ? 0 : FLAG.pair) |
    (isTie ? FLAG.tie : 0) |
    (isTruncated(firstText) ? FLAG.firstTruncated : 0) |
    (isTruncated(secondText) ? FLAG.secondTruncated : 0) |
    (hasMarkdown(firstText) ? FLAG.firstMarkdown : 0) |
    (hasMarkdown(secondText) ? FLAG.secondMarkdown : 0) |
    (isRefusal(firstText) ? FLAG.firstRefusal : 0) |
    (isRefusal(secondText) ? FLAG.secondRefusal : 0)
  );
}

function signaturesOf(bytes: Column<Uint8Array>, sizes: Omit<Signatures, 'bytes'>): Signatures {
  return { ...sizes, bytes: bytes.finish() };
}
