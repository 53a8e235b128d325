import { z } from 'zod';
import { badInput, type JsonObject } from '../core/index.ts';
import { parseRows, sql, type Database, type SqlRow, type SqlStatement, type SqlValue } from '../database/index.ts';
import { jsonText, labelsColumn, nullable, objectColumn, present, textsColumn } from './columns.ts';
import type { Ledger } from './ledger.ts';
import { readPage, removal, type ListQuery } from './paging.ts';
import { redactJson, redactText } from './redact.ts';
import type { Inference, InferenceEnd, InferenceStart, LogLevel } from './records.ts';
import type { StoreSecret } from './secret.ts';

export interface InferenceContext {
  readonly database: Database;
  readonly secret: StoreSecret;
  readonly log: LogLevel;
  readonly redacts: boolean;
  readonly now: () => number;
}

const ROW = z.object({
  id: z.string(),
  created_at: z.int(),
  route: z.enum(['chat', 'completions']),
  requested_model: z.string(),
  version_id: z.string(),
  backend: z.string(),
  key_id: nullable(z.string()),
  user_hash: nullable(z.string()),
  episode_id: nullable(z.string()),
  metadata: nullable(labelsColumn),
  parameters: objectColumn,
  status: nullable(z.enum(['complete', 'failed', 'cancelled'])),
  finish_reasons: nullable(textsColumn),
  prompt_tokens: nullable(z.int()),
  completion_tokens: nullable(z.int()),
  cached_tokens: nullable(z.int()),
  first_token_ms: nullable(z.number()),
  total_ms: nullable(z.number()),
  error: nullable(z.string()),
  request: nullable(objectColumn),
  response: nullable(objectColumn),
});

/** Errors of others may quote a prompt; the beginning says what it was. */
const MOST_ERROR_CHARACTERS = 300;

export const SELECT_INFERENCES =
  'SELECT inferences.*, texts.request, texts.response FROM inferences LEFT JOIN texts ON texts.seq = inferences.seq';

export function parseInferences(rows: readonly SqlRow[]): Inference[] {
  return parseRows(ROW, rows).map((row) =>
    present({
      id: row.id,
      createdAt: row.created_at,
      route: row.route,
      requestedModel: row.requested_model,
      versionId: row.version_id,
      backend: row.backend,
      keyId: row.key_id,
      userHash: row.user_hash,
      episodeId: row.episode_id,
      metadata: row.metadata,
      parameters: row.parameters,
      request: row.request,
      status: row.status,
      finishReasons: row.finish_reasons,
      promptTokens: row.prompt_tokens,
      completionTokens: row.completion_tokens,
      cachedTokens: row.cached_tokens,
      firstTokenMs: row.first_token_ms,
      totalMs: row.total_ms,
      response: row.response,
      error: row.error,
    }),
  );
}

/** What stands between a request and the file: levels, masks, the user's HMAC. */
function createCleaner({ redacts, secret }: InferenceContext) {
  const text = (value: string): string => (redacts ? redactText(value) : value);
  const json = (value: JsonObject): JsonObject => (redacts ? redactJson(value) : value);
  return {
    text,
    json,
    labels: (labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
      Object.fromEntries(Object.entries(labels).map(([name, value]) => [text(name), text(value)])),
    /** Ids that group must stay different: one that a mask would change becomes its HMAC. */
    group: (id: string): string => (text(id) === id ? id : `hmac-${secret.hashUser(id)}`),
  };
}
type Cleaner = ReturnType<typeof createCleaner>;

export function createInferences(context: InferenceContext): Ledger['inferences'] {
  const { database, log, now } = context;
  const cleaner = createCleaner(context);

  const get = async (id: string): Promise<Inference | undefined> =>
    parseInferences(await database.read(sql(`${SELECT_INFERENCES} WHERE inferences.id = ?`, id)))[0];

  return {
    async begin(start, beside = []) {
      if (log === 'off') return;
      await database.write([...beginning(start, { context, cleaner }), ...beside]);
    },
    async finish(id, end) {
      if (log === 'off') return;
      await database.write(ending(id, end, { context, cleaner }));
    },
    async record(start, end, beside = []) {
      if (log === 'off') return;
      await database.write([...beginning(start, { context, cleaner, end }), ...beside]);
    },
    get,
    list({ model, metadata, ...page }) {
      return readPage(database, listQuery(model, metadata && cleaner.labels(metadata)), page, parseInferences);
    },
    async setMetadata(id, metadata) {
      const labels = cleaner.labels(metadata);
      const results = await database.write([
        { ...sql('UPDATE inferences SET metadata = ? WHERE id = ?', jsonText(labels), id), isRequired: true },
        sql('DELETE FROM inference_labels WHERE seq = (SELECT seq FROM inferences WHERE id = ?)', id),
        ...labelStatements('inference', id, labels),
      ]);
      return results === undefined ? undefined : get(id);
    },
    async remove(id) {
      const results = await database.write(removal('inferences', id, now()));
      if (results === undefined) return false;
      await database.checkpoint();
      return true;
    },
  };
}

/** The rows of labels, by which lists are filtered. */
export function labelStatements(
  of: 'inference' | 'job',
  id: string,
  labels: Readonly<Record<string, string>> = {},
): SqlStatement[] {
  return Object.entries(labels).map(([name, value]) =>
    sql(`INSERT INTO ${of}_labels (name, value, seq) SELECT ?, ?, seq FROM ${of}s WHERE id = ?`, name, value, id),
  );
}

/** A list by labels begins at the rarest thing that an index knows: the first label; the others are looked up for each row. */
export function labelConditions(
  of: 'inference' | 'job',
  labels: Readonly<Record<string, string>>,
): {
  readonly from: string;
  readonly seq: string;
  readonly where: readonly string[];
  readonly values: readonly string[];
} {
  const [first, ...others] = Object.entries(labels);
  if (first === undefined) return { from: `${of}s`, seq: `${of}s.seq`, where: [], values: [] };
  return {
    // CROSS JOIN keeps SQLite from beginning at the other table.
    from: `${of}_labels AS label CROSS JOIN ${of}s ON ${of}s.seq = label.seq`,
    seq: 'label.seq',
    where: [
      'label.name = ? AND label.value = ?',
      ...others.map(
        () =>
          `EXISTS (SELECT 1 FROM ${of}_labels AS other WHERE other.name = ? AND other.value = ? AND other.seq = label.seq)`,
      ),
    ],
    values: [first, ...others].flat(),
  };
}

export function listQuery(model?: string, labels: Readonly<Record<string, string>> = {}): ListQuery {
  const { from, seq, where, values } = labelConditions('inference', labels);
  return {
    table: 'inferences',
    select: `SELECT inferences.*, texts.request, texts.response FROM ${from} LEFT JOIN texts ON texts.seq = inferences.seq`,
    seq,
    where: [...where, ...(model === undefined ? [] : ['inferences.requested_model = ?'])],
    values: [...values, ...(model === undefined ? [] : [model])],
  };
}

/** Columns of a row with their values. */
type Columns = Readonly<Record<string, SqlValue | undefined>>;

/**
 * The row, its labels and its texts. A user who was erased is new afterwards; what is older (a re-import, a spool that comes late) stays out, and so does what was
 * removed by its id.
 */
function beginning(
  start: InferenceStart,
  {
    context,
    cleaner,
    end,
  }: { readonly context: InferenceContext; readonly cleaner: Cleaner; readonly end?: InferenceEnd },
): SqlStatement[] {
  const { id, createdAt, metadata, request, store } = start;
  if (!Number.isSafeInteger(createdAt))
    throw badInput(`createdAt must be whole milliseconds since 1970, got ${createdAt}; round it`);
  const userHash = start.user === undefined ? undefined : context.secret.hashUser(start.user);
  const labels = metadata && cleaner.labels(metadata);
  const columns: Columns = {
    id,
    created_at: createdAt,
    route: start.route,
    requested_model: cleaner.text(start.requestedModel),
    version_id: start.versionId,
    backend: start.backend,
    key_id: start.keyId,
    user_hash: userHash,
    episode_id: start.episodeId && cleaner.group(start.episodeId),
    metadata: jsonText(labels),
    parameters: JSON.stringify(cleaner.json(start.parameters)),
    is_private: store === false ? 1 : 0,
    ...(end !== undefined && endColumns(end)),
    ...(end !== undefined && { error: store === false ? undefined : errorOf(end, cleaner) }),
  };
  return [
    sql(
      `INSERT INTO inferences (${Object.keys(columns).join(', ')})
       SELECT ${Object.keys(columns).fill('?').join(', ')}
       WHERE NOT EXISTS (SELECT 1 FROM erased_users WHERE user_hash = ? AND erased_at >= ?)
         AND NOT EXISTS (SELECT 1 FROM removed WHERE kind = 'inferences' AND id = ?)`,
      ...Object.values(columns),
      userHash,
      createdAt,
      id,
    ),
    ...labelStatements('inference', id, labels),
    ...(context.log === 'text' && store !== false
      ? [
          sql(
            'INSERT INTO texts (seq, created_at, request, response) SELECT seq, created_at, ?, ? FROM inferences WHERE id = ?',
            jsonText(request && cleaner.json(request)),
            jsonText(end?.response && cleaner.json(end.response)),
            id,
          ),
        ]
      : []),
  ];
}

/** How it ended, but for the error, which a private one keeps to itself. */
function endColumns(end: InferenceEnd): Columns {
  return {
    status: end.status,
    finish_reasons: jsonText(end.finishReasons),
    prompt_tokens: end.promptTokens,
    completion_tokens: end.completionTokens,
    cached_tokens: end.cachedTokens,
    first_token_ms: end.firstTokenMs,
    total_ms: end.totalMs,
  };
}

function errorOf({ error }: InferenceEnd, cleaner: Cleaner): string | undefined {
  return error === undefined ? undefined : cleaner.text(error).slice(0, MOST_ERROR_CHARACTERS);
}

/** Texts go where the request's went: nowhere, where it was private or is erased meanwhile. */
function ending(
  id: string,
  end: InferenceEnd,
  { context, cleaner }: { readonly context: InferenceContext; readonly cleaner: Cleaner },
): SqlStatement[] {
  const columns = endColumns(end);
  const { response } = end;
  return [
    sql(
      `UPDATE inferences SET ${Object.keys(columns)
        .map((name) => `${name} = ?`)
        .join(', ')}, error = CASE WHEN is_private = 1 THEN NULL ELSE ? END
       WHERE id = ?`,
      ...Object.values(columns),
      errorOf(end, cleaner),
      id,
    ),
    ...(response === undefined || context.log !== 'text'
      ? []
      : [
          sql(
            'UPDATE texts SET response = ? WHERE seq = (SELECT seq FROM inferences WHERE id = ?)',
            JSON.stringify(cleaner.json(response)),
            id,
          ),
        ]),
  ];
}
