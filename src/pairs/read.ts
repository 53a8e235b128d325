import { ROW_KINDS } from '../data/index.ts';
import {
  createFieldReader,
  createProblemLog,
  readNamedRecords,
  readRows,
  type DataSource,
  type DetectedFormat,
  type UnpairedRow,
  type PairRow,
  type ProblemLog,
  type RankingRow,
} from '../data/index.ts';
import { has, isObject } from '../core/index.ts';
import type { EditRow } from './edits.ts';
import { readEdit, readPlainRanking, readThumb, type PlainShape, type ReadContext } from './plain-records.ts';

/** What pairs are built from. */
export type BuildRow =
  | { readonly kind: 'ranking'; readonly row: RankingRow }
  | { readonly kind: 'unpaired'; readonly row: UnpairedRow }
  | { readonly kind: 'edit'; readonly row: EditRow };

export interface ReadBuildRowsOptions {
  /** What is wanted of each record. */
  readonly shape: PlainShape;
  /** A format of preference data by name; default: the plain fields, else detected. */
  readonly format?: string | undefined;
  readonly isLenient?: boolean;
  /** Keeps what a pair's record holds besides its texts, where both sides become answers. Default false. */
  readonly keepsFields?: boolean;
}

export interface BuildRows<Row> {
  readonly rows: readonly Row[];
  readonly formats: readonly DetectedFormat[];
  /** Rows that were skipped, lenient. */
  readonly skipped: number;
  readonly problems: Pick<ProblemLog, 'kept' | 'counts' | 'total'>;
}

const KINDS = {
  ratings: 'ranking',
  votes: 'ranking',
  answers: 'ranking',
  labels: 'ranking',
  thumbs: 'unpaired',
  edits: 'edit',
} as const;

/**
 * The rows of sources, held in memory: a source whose first record has the plain fields of `shape` is read so, others in the format that
 * they have. Throws bad-input with all problems at once, unless lenient: then such rows are skipped and counted.
 */
export async function readBuildRows<S extends PlainShape>(
  sources: readonly DataSource[],
  options: ReadBuildRowsOptions & { readonly shape: S },
): Promise<BuildRows<Extract<BuildRow, { kind: (typeof KINDS)[S] }>['row']>> {
  const log = createProblemLog();
  const formats: DetectedFormat[] = [];
  const rows: BuildRow[] = [];
  let skipped = 0;
  for (const source of sources) {
    const isPlain = options.format === undefined && (await startsPlain(source, options.shape));
    const read = isPlain ? readPlain(source, options.shape, formats) : readFormat(source, options, formats);
    for await (const event of read) {
      if (event.kind !== 'problems') rows.push(event);
      else {
        skipped++;
        for (const problem of event.problems) log.add(problem);
      }
    }
  }
  if (log.total > 0 && options.isLenient !== true) throw log.error();
  return { rows: rows.map(({ row }) => row) as never, formats, skipped, problems: log };
}

type ReadEvent = BuildRow | { readonly kind: 'problems'; readonly problems: Parameters<ProblemLog['add']>[0][] };

async function startsPlain(source: DataSource, shape: PlainShape): Promise<boolean> {
  for await (const event of readNamedRecords(source)) {
    if (event.kind !== 'record' || !isObject(event.value)) continue;
    const { value } = event;
    const names = (...fields: string[]): boolean => fields.some((field) => has(value, field));
    if (!names('prompt')) return false;
    if (shape === 'edits') return names('original', 'edited');
    if (shape === 'thumbs') return names('thumb');
    if (shape === 'votes' || shape === 'labels') return names('vote', 'votes') && names('a', 'b', 'answers');
    if (shape === 'ratings') return names('answers') || (names('answer') && names('rating'));
    return names('a', 'b', 'answers');
  }
  return false;
}

async function* readPlain(source: DataSource, shape: PlainShape, formats: DetectedFormat[]): AsyncGenerator<ReadEvent> {
  const kind = shape === 'thumbs' ? 'unpaired' : 'ranking';
  let count = 0;
  for await (const event of readNamedRecords(source)) {
    if (event.kind === 'problem') {
      yield { kind: 'problems', problems: [event.problem] };
      continue;
    }
    const { value, origin, place } = event;
    if (!isObject(value)) {
      const message = 'a record must be an object with named fields';
      yield { kind: 'problems', problems: [{ reason: 'not-an-object', file: origin.file, line: place.line, message }] };
      continue;
    }
    const fields = createFieldReader(value);
    const context: ReadContext = { fields, origin, id: fields.id('id') ?? String(origin.line), shape };
    const row: BuildRow =
      shape === 'edits'
        ? { kind: 'edit', row: readEdit(context) }
        : shape === 'thumbs'
          ? { kind: 'unpaired', row: readThumb(context) }
          : { kind: 'ranking', row: readPlainRanking(context) };
    if (fields.problems.length === 0) yield row;
    else {
      const at = { file: origin.file, line: place.line };
      yield { kind: 'problems', problems: fields.problems.map((problem) => ({ ...problem, ...at })) };
    }
    if (count++ === 0) formats.push({ file: source.name, name: `plain ${shape}`, kind, fromRecords: 1 });
  }
}

/** Rows of a known format, where they are what `shape` needs: for answers to be judged also pairs, whose sides become answers. */
async function* readFormat(
  source: DataSource,
  { shape, format, keepsFields = false }: ReadBuildRowsOptions,
  formats: DetectedFormat[],
): AsyncGenerator<ReadEvent> {
  const wanted = KINDS[shape];
  for await (const event of readRows(source, format === undefined ? {} : { format })) {
    if (event.kind === 'format') formats.push(event.format);
    else if (event.kind === 'problems') yield { kind: 'problems', problems: [...event.problems] };
    else if (event.kind === 'ranking' && wanted === 'ranking') yield { kind: 'ranking', row: event.row };
    else if (event.kind === 'unpaired' && wanted === 'unpaired') yield { kind: 'unpaired', row: event.row };
    else if (event.kind === 'pair' && (shape === 'answers' || shape === 'labels'))
      yield { kind: 'ranking', row: keepsFields ? withFields(event.row, shape) : rankingOf(event.row, shape) };
    else {
      const message = `rows must hold ${shape}, got ${ROW_KINDS[event.kind].one}; see docs/building-pairs.md for the fields`;
      const { origin } = event.row;
      yield {
        kind: 'problems',
        problems: [{ reason: 'wrong-type', file: origin.file, line: event.place.line, message }],
      };
    }
  }
}

/** The same with who wrote the answers, and the record's other fields; what was said of the two against each other is left out. */
function withFields(row: PairRow, shape: PlainShape): RankingRow {
  const { chosenModel, rejectedModel, source, language, createdAt, fields } = row.meta ?? {};
  const kept = {
    ...(source !== undefined && { source }),
    ...(language !== undefined && { language }),
    ...(createdAt !== undefined && { createdAt }),
    ...(fields !== undefined && { fields }),
  };
  const ranking = rankingOf(row, shape);
  const models = [chosenModel, rejectedModel];
  return {
    ...ranking,
    answers: ranking.answers.map((answer, place) => {
      const model = models[place];
      return model === undefined ? answer : { ...answer, model };
    }),
    ...(Object.keys(kept).length > 0 && { meta: kept }),
  };
}

/** Both sides as answers; for labels the chosen one ranks first. */
function rankingOf({ chosen, rejected, meta, ...rest }: PairRow, shape: PlainShape): RankingRow {
  if (shape === 'answers') return { ...rest, answers: [{ content: chosen }, { content: rejected }] };
  const { chosenModel, rejectedModel } = meta ?? {};
  return {
    ...rest,
    answers: [
      { content: chosen, rank: 0, ...(chosenModel !== undefined && { model: chosenModel }) },
      { content: rejected, rank: 1, ...(rejectedModel !== undefined && { model: rejectedModel }) },
    ],
  };
}
