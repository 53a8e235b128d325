import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HYPERPARAMETERS, JOB_BODY, JOB_EVENT, JOB_OBJECT } from '../../src/api/job-schema.ts';
import { planJob } from '../../src/serve/jobs/job-options.ts';

/** docs/fine-tuning-api.md beside the schemas: it leaves no field out and names none that is not there. */
const PAGE = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'fine-tuning-api.md'), 'utf8');
const NUMBERS = Object.keys(HYPERPARAMETERS);

/** The paths of an object's fields, of those in them too. */
function pathsOf(schema: unknown, above = ''): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return pathsOf(schema.unwrap(), above);
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).flatMap(([name, inner]) => [
    `${above}${name}`,
    ...pathsOf(inner, `${above}${name}.`),
  ]);
}

/** What stands in backquotes in the first column of the table with this head. */
function named(head: string): string[] {
  const table = PAGE.slice(PAGE.indexOf(`\n| ${head} |`)).split('\n\n')[0]!;
  const rows = table.trim().split('\n').slice(2);
  return rows.flatMap((row) => [...row.split(' | ')[0]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!));
}

const blocks = (kind: string): string[] =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, text]) => text!);

const nameOf = (path: string): string => path.split('.').at(-1)!;

describe('docs/fine-tuning-api.md', () => {
  const paths = pathsOf(JOB_BODY);

  it('has every field of a request in its table, and no other', () => {
    expect(named('field').toSorted()).toEqual(paths.filter((path) => !NUMBERS.includes(nameOf(path))).toSorted());
  });

  it('has every number, and each may stand where the page says', () => {
    expect(named('number').toSorted()).toEqual(NUMBERS.toSorted());
    const places = ['method.dpo.hyperparameters.', 'method.dpo.', 'hyperparameters.', ''];
    const supervised = places.slice(0, 2).map((place) => place.replace('dpo', 'supervised'));
    const all = [...places, ...supervised].flatMap((place) => NUMBERS.map((name) => place + name));
    expect(paths.filter((path) => NUMBERS.includes(nameOf(path))).toSorted()).toEqual(all.toSorted());
  });

  it('has every status', () => {
    expect(named('status')).toEqual(JOB_OBJECT.shape.status.options);
  });

  it('shows requests that are taken', () => {
    const js = /jobs\.create\((\{[\s\S]*?\n\})\)/.exec(blocks('js')[0]!)![1]!;
    const python = /jobs\.create\(([\s\S]*?)\n\)/.exec(blocks('python')[0]!)![1]!;
    const file = { id: 'file-1' };
    const [written, ...others] = [
      js,
      `{${python.replaceAll(/^ {4}(\w+)=/gm, '$1: ')}}`,
      ...blocks('json job').map((text) => `(${text})`),
    ].map((text) => JOB_BODY.parse(runInNewContext(`(${text})`, { file })));
    expect(others[0]).toEqual(written);
    expect(planJob(written!, { isContinued: false }).options).toEqual({ beta: 0.1, auto: true });
    const own = { objective: 'ipo', 'lora.rank': 8, auto: true };
    expect(others.slice(1).map((body) => planJob(body, { isContinued: false }).options)).toEqual([own, own]);
    expect(JOB_EVENT.parse(JSON.parse(blocks('json event')[0]!)).type).toBe('metrics');
  });
});
