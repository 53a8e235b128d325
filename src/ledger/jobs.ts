import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { internal, isObject } from '../core/index.ts';
import {
  parseRows,
  requiredSql,
  sql,
  type Database,
  type SqlRow,
  type SqlStatement,
  type SqlValue,
} from '../database/index.ts';
import { jsonColumn, jsonText, nullable, objectColumn, present, textsColumn, truthColumn } from './columns.ts';
import { labelConditions, labelStatements } from './inferences.ts';
import type { Ledger } from './ledger.ts';
import { readPage, removal } from './paging.ts';
import type { JobCheckpoint, JobEvent, JobRecord } from './records.ts';

const JOB_ROW = z.object({
  id: z.string(),
  created_at: z.int(),
  started_at: nullable(z.int()),
  finished_at: nullable(z.int()),
  status: z.enum(['validating_files', 'queued', 'running', 'succeeded', 'failed', 'cancelled']),
  is_paused: truthColumn,
  model: z.string(),
  training_file: z.string(),
  validation_file: nullable(z.string()),
  request: objectColumn,
  fine_tuned_model: nullable(z.string()),
  result_files: textsColumn,
  trained_tokens: nullable(z.int()),
  error: nullable(jsonColumn<NonNullable<JobRecord['error']>>()),
});

const EVENT_ROW = z.object({
  id: z.string(),
  job_id: z.string(),
  created_at: z.int(),
  level: z.enum(['info', 'warn', 'error']),
  type: z.enum(['message', 'metrics']),
  message: z.string(),
  data: nullable(objectColumn),
});

const CHECKPOINT_ROW = z.object({
  id: z.string(),
  job_id: z.string(),
  created_at: z.int(),
  step: z.int(),
  model: z.string(),
  metrics: jsonColumn<Readonly<Record<string, number>>>(),
});

/** Each field's column, and how it is written. */
const COLUMNS: Readonly<Record<Exclude<keyof JobRecord, 'id' | 'createdAt'>, string>> = {
  startedAt: 'started_at',
  finishedAt: 'finished_at',
  status: 'status',
  isPaused: 'is_paused',
  model: 'model',
  trainingFile: 'training_file',
  validationFile: 'validation_file',
  request: 'request',
  fineTunedModel: 'fine_tuned_model',
  resultFiles: 'result_files',
  trainedTokens: 'trained_tokens',
  error: 'error',
};

function columnValue(value: unknown): SqlValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string' || typeof value === 'number') return value;
  return JSON.stringify(value);
}

export function parseJobs(rows: readonly SqlRow[]): JobRecord[] {
  return parseRows(JOB_ROW, rows).map((row) =>
    present({
      id: row.id,
      createdAt: row.created_at,
      startedAt: row.started_at,
      finishedAt: row.finished_at,
      status: row.status,
      isPaused: row.is_paused,
      model: row.model,
      trainingFile: row.training_file,
      validationFile: row.validation_file,
      request: row.request,
      fineTunedModel: row.fine_tuned_model,
      resultFiles: row.result_files,
      trainedTokens: row.trained_tokens,
      error: row.error,
    }),
  );
}

function parseEvents(rows: readonly SqlRow[]): JobEvent[] {
  return parseRows(EVENT_ROW, rows).map((row) =>
    present({
      id: row.id,
      jobId: row.job_id,
      createdAt: row.created_at,
      level: row.level,
      type: row.type,
      message: row.message,
      data: row.data,
    }),
  );
}

function parseCheckpoints(rows: readonly SqlRow[]): JobCheckpoint[] {
  return parseRows(CHECKPOINT_ROW, rows).map(({ job_id, created_at, ...row }) => ({
    ...row,
    jobId: job_id,
    createdAt: created_at,
  }));
}

export function createJobs(database: Database, now: () => number): Ledger['jobs'] {
  const eventStatements = (
    id: string,
    events: readonly Omit<JobEvent, 'id' | 'jobId' | 'createdAt'>[],
  ): SqlStatement[] =>
    events.map(({ level, type, message, data }) =>
      sql(
        'INSERT INTO job_events (id, job_id, created_at, level, type, message, data) VALUES (?, ?, ?, ?, ?, ?, ?)',
        newId('ftevent-'),
        id,
        now(),
        level,
        type,
        message,
        jsonText(data),
      ),
    );

  return {
    async add(job) {
      const { id, createdAt, ...fields } = job;
      const entries = Object.entries(fields).map(([name, value]) => [columnOf(name), columnValue(value)] as const);
      const names = ['id', 'created_at', ...entries.map(([column]) => column)];
      await database.write([
        sql(
          `INSERT INTO jobs (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
          id,
          createdAt,
          ...entries.map(([, value]) => value),
        ),
        ...labelStatements('job', id, labelsOf(job.request)),
      ]);
    },
    async get(id) {
      return parseJobs(await database.read(sql('SELECT * FROM jobs WHERE id = ?', id)))[0];
    },
    list: ({ metadata, ...page }) => readPage(database, jobsQuery(metadata), page, parseJobs),
    async change(id, { from, set, events = [] }) {
      const entries = Object.entries(set).map(([name, value]) => [columnOf(name), columnValue(value)] as const);
      const assignments = entries.length === 0 ? 'id = id' : entries.map(([column]) => `${column} = ?`).join(', ');
      const results = await database.write([
        requiredSql(
          `UPDATE jobs SET ${assignments} WHERE id = ? AND status IN (${from.map(() => '?').join(', ')})`,
          ...entries.map(([, value]) => value),
          id,
          ...from,
        ),
        ...(set.request === undefined
          ? []
          : [
              sql('DELETE FROM job_labels WHERE seq = (SELECT seq FROM jobs WHERE id = ?)', id),
              ...labelStatements('job', id, labelsOf(set.request)),
            ]),
        ...eventStatements(id, events),
        sql('SELECT * FROM jobs WHERE id = ?', id),
      ]);
      return results === undefined ? undefined : parseJobs(results.at(-1)!.rows)[0];
    },
    async addEvents(id, events) {
      await database.write(eventStatements(id, events));
    },
    events: (id, page) => readPage(database, ofJob('job_events', id), page, parseEvents),
    async addCheckpoint({ jobId, step, model, metrics }) {
      await database.write([
        sql(
          'INSERT INTO job_checkpoints (id, job_id, created_at, step, model, metrics) VALUES (?, ?, ?, ?, ?, ?)',
          newId('ftckpt_'),
          jobId,
          now(),
          step,
          model,
          JSON.stringify(metrics),
        ),
      ]);
    },
    async removeCheckpoint(id) {
      await database.write(removal('job_checkpoints', id, now()));
    },
    checkpoints: (id, page) => readPage(database, ofJob('job_checkpoints', id), page, parseCheckpoints),
  };
}

function columnOf(field: string): string {
  if (!Object.hasOwn(COLUMNS, field)) throw internal(`a job's ${field} cannot be set`);
  return COLUMNS[field as keyof typeof COLUMNS];
}

function newId(prefix: string): string {
  return `${prefix}${randomBytes(12).toString('hex')}`;
}

/** What a request says as `metadata`, as far as it is texts. */
function labelsOf({ metadata }: JobRecord['request']): Readonly<Record<string, string>> {
  if (!isObject(metadata)) return {};
  return Object.fromEntries(
    Object.entries(metadata).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

export function jobsQuery(labels: Readonly<Record<string, string>> = {}) {
  const { from, seq, where, values } = labelConditions('job', labels);
  return { table: 'jobs', select: `SELECT jobs.* FROM ${from}`, seq, where, values };
}

export function ofJob(table: 'job_events' | 'job_checkpoints', id: string) {
  return { table, select: `SELECT * FROM ${table}`, seq: 'seq', where: ['job_id = ?'], values: [id] };
}
