import type { z } from 'zod';
import { checkFields } from './json-body.ts';

/** Clients of Azure send it with every request. It says nothing here. */
const PASSED_OVER = 'api-version';

/** The query of a request as its schema wants it; `a[b]=c` is `{ a: { b: 'c' } }`. A field that the schema does not know is refused. Throws ServeError 400. */
export function checkQuery<S extends z.ZodObject>(schema: S, query: Readonly<Record<string, string>>): z.output<S> {
  const given = new Map<string, unknown>();
  for (const [name, value] of Object.entries(query)) {
    if (name === PASSED_OVER) continue;
    const [, field, key] = /^([^[\]]+)\[(.+)\]$/.exec(name) ?? [];
    if (field === undefined || key === undefined) {
      given.set(name, value);
      continue;
    }
    const before = given.get(field);
    given.set(field, { ...(typeof before === 'object' ? before : {}), [key]: value });
  }
  return checkFields(schema, Object.fromEntries(given), 'query');
}
