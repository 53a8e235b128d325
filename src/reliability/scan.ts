import { PreftuneError } from '../core/index.ts';
import {
  hashText,
  pairOfRanking,
  promptKey,
  readRows,
  type Content,
  type DataRow,
  type DataSource,
  type ProblemReason,
} from '../data/index.ts';
import { createMinHasher, shingleHashes } from '../statistics/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { asksForLanguage, type DetectLanguage } from './language.ts';
import { personalBits } from './personal-data.ts';
import { createRatings, type Ratings } from './ratings.ts';
import {
  ANSWER_HASHES,
  createColumn,
  createNameIndex,
  FLAG,
  placeOf,
  PROMPT_HASHES,
  type RowTable,
} from './row-table.ts';
import { hasMarkdown, isRefusal, isTruncated } from './signals.ts';

export interface ScanOptions {
  /** The name of a format; default: detected. */
  readonly format?: string;
  /** Left out: languages stay unknown. */
  readonly detectLanguage?: DetectLanguage;
  /** Counts the tokens of answers. */
  readonly tokenizer?: Tokenizer;
  readonly onProgress?: (rows: number) => void;
  readonly signal?: AbortSignal;
}

/** What one pass over data remembers. */
export interface Scan {
  readonly table: RowTable;
  readonly ratings: Ratings;
  /** Places of records that could not be used, by reason. */
  readonly refused: ReadonlyMap<ProblemReason, Float64Array>;
}

/** Prompts are compared by their end: a long conversation shares its start with many others. */
const COMPARED_PROMPT = 4000;

/**
 * Reads data once and remembers of each row what the checks need, without its texts. Throws as readRows does (missing file, unknown
 * or mixed format), cancelled when the signal fires.
 */
export async function scanData(sources: readonly DataSource[], options: ScanOptions = {}): Promise<Scan> {
  const builder = createTableBuilder(options);
  const refused = new Map<ProblemReason, ReturnType<typeof createColumn<Float64Array>>>();
  let records = 0;
  for (const [file, source] of sources.entries()) {
    builder.beginFile(source.name);
    const format = options.format === undefined ? {} : { format: options.format };
    for await (const event of readRows(source, format)) {
      if (options.signal?.aborted)
        throw new PreftuneError('cancelled', `data: checking was stopped after ${records} records`);
      if (event.kind === 'format') continue;
      if (++records % 1000 === 0) options.onProgress?.(records);
      if (event.kind === 'problems') {
        for (const { reason, line } of event.problems.slice(0, 1)) {
          let places = refused.get(reason);
          if (places === undefined) refused.set(reason, (places = createColumn((n) => new Float64Array(n))));
          places.push(placeOf(file, line ?? 0));
        }
        continue;
      }
      builder.add(event);
    }
  }
  return {
    ...builder.finish(),
    refused: new Map([...refused].map(([reason, places]) => [reason, places.finish()])),
  };
}

/** Prompt, the better (or only) answer and the worse one, whatever kind the row is. */
interface Parts {
  readonly prompt: Content;
  readonly first: Content;
  readonly second: Content | undefined;
  readonly isTie: boolean;
}

const float64 = () => createColumn((length) => new Float64Array(length));
const uint32 = () => createColumn((length) => new Uint32Array(length));
const uint8 = () => createColumn((length) => new Uint8Array(length));

function createTableBuilder({ detectLanguage, tokenizer }: ScanOptions) {
  const columns = {
    place: float64(),
    prompt: float64(),
    first: float64(),
    second: float64(),
    firstLength: uint32(),
    secondLength: uint32(),
    firstTokens: uint32(),
    secondTokens: uint32(),
    flags: uint32(),
    personal: uint8(),
    source: uint32(),
    annotator: uint32(),
    promptLanguage: uint8(),
    firstLanguage: uint8(),
  };
  const [promptBytes, answerBytes] = [uint8(), uint8()];
  const promptHasher = createMinHasher(PROMPT_HASHES, 1);
  const answerHasher = createMinHasher(ANSWER_HASHES, 2);
  const [sources, annotators, languages] = [createNameIndex(), createNameIndex(), createNameIndex(255)];
  const ratings = createRatings();
  const files: string[] = [];
  let count = 0;
  const language = (text: string): number => languages.of(detectLanguage?.(text));
  /** What is known of a prompt. Rows of one prompt mostly stand together, and most of the time goes into texts. */
  let known: { hash: number; language: number; personal: number; signature: Uint8Array } | undefined;
  const knownOf = (prompt: Content, text: string): NonNullable<typeof known> => {
    const hash = keyOf(prompt);
    if (known?.hash === hash) return known;
    const signature = new Uint8Array(PROMPT_HASHES);
    promptHasher.sign(shingleHashes(text.slice(-COMPARED_PROMPT)), signature);
    known = {
      hash,
      language: asksForLanguage(text) ? 0 : language(lastTurn(prompt)),
      personal: personalBits(text),
      signature,
    };
    return known;
  };
  const tokens = (text: string): number => tokenizer?.encode(text, { addSpecialTokens: false }).length ?? 0;
  return {
    beginFile(name: string): void {
      files.push(name);
    },
    add(event: DataRow): void {
      const { meta, origin } = event.row;
      const { prompt, first, second, isTie } = partsOf(event);
      const [promptText, firstText] = [textOf(prompt), textOf(first)];
      const secondText = second === undefined ? '' : textOf(second);
      const { hash: promptHash, language: promptLanguage, personal, signature } = knownOf(prompt, promptText);
      const firstHash = keyOf(first);
      const secondHash = second === undefined ? 0 : keyOf(second);
      columns.place.push(placeOf(files.length - 1, origin.line));
      columns.prompt.push(promptHash);
      columns.first.push(firstHash);
      columns.second.push(secondHash);
      columns.firstLength.push(firstText.length);
      columns.secondLength.push(secondText.length);
      columns.firstTokens.push(tokens(firstText));
      columns.secondTokens.push(second === undefined ? 0 : tokens(secondText));
      columns.flags.push(
        (second === undefined ? 0 : FLAG.pair) |
          (isTie ? FLAG.tie : 0) |
          (isTruncated(firstText) ? FLAG.firstTruncated : 0) |
          (isTruncated(secondText) ? FLAG.secondTruncated : 0) |
          (hasMarkdown(firstText) ? FLAG.firstMarkdown : 0) |
          (hasMarkdown(secondText) ? FLAG.secondMarkdown : 0) |
          (isRefusal(firstText) ? FLAG.firstRefusal : 0) |
          (isRefusal(secondText) ? FLAG.secondRefusal : 0),
      );
      columns.personal.push(personal | personalBits(firstText) | personalBits(secondText));
      columns.promptLanguage.push(promptLanguage);
      columns.firstLanguage.push(language(firstText));
      columns.source.push(sources.of(meta?.source));
      columns.annotator.push(annotators.of(meta?.annotator));
      promptBytes.extend(PROMPT_HASHES).set(signature);
      answerHasher.sign(shingleHashes(`${firstText}\n${secondText}`), answerBytes.extend(ANSWER_HASHES));
      const shown =
        event.kind === 'ranking' && event.row.votes !== undefined
          ? event.row.answers.map(({ content }) => keyOf(content))
          : [];
      ratings.addRow(event, {
        row: count,
        prompt: promptHash,
        first: firstHash,
        second: secondHash,
        shown,
        annotators,
      });
      count++;
    },
    finish(): { table: RowTable; ratings: Ratings } {
      const finished = Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.finish()]));
      const table = {
        ...finished,
        count,
        files,
        sources: sources.names,
        annotators: annotators.names,
        languages: languages.names,
        promptSignatures: { hashes: PROMPT_HASHES, count, bytes: promptBytes.finish() },
        answerSignatures: { hashes: ANSWER_HASHES, count, bytes: answerBytes.finish() },
      } as unknown as RowTable;
      return { table, ratings: ratings.finish() };
    },
  };
}

function partsOf(event: DataRow): Parts {
  switch (event.kind) {
    case 'pair': {
      const { prompt, chosen, rejected, meta } = event.row;
      const isTie = meta?.margin === 0 || (meta?.chosenScore !== undefined && meta.chosenScore === meta.rejectedScore);
      return { prompt, first: chosen, second: rejected, isTie };
    }
    case 'ranking': {
      const { prompt, answers } = event.row;
      const pair = pairOfRanking(event.row);
      if (pair !== undefined) return { prompt, first: pair.chosen, second: pair.rejected, isTie: false };
      return { prompt, first: answers[0]?.content ?? '', second: answers[1]?.content, isTie: true };
    }
    default:
      return { prompt: event.row.prompt, first: event.row.completion, second: undefined, isTie: false };
  }
}

/** The text of a part: of a conversation its turns' contents, one after the other. */
export function textOf(content: Content): string {
  return typeof content === 'string' ? content : content.map((turn) => turn.content).join('\n');
}

function lastTurn(content: Content): string {
  return typeof content === 'string' ? content : (content.at(-1)?.content ?? '');
}

/** 53 bits of the hash of what makes two parts the same; never 0. */
function keyOf(content: Content): number {
  const [high, low] = hashText(promptKey(content));
  return high * 2 ** 21 + (low >>> 11) || 1;
}
