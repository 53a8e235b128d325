import { isObject, type JsonObject, type JsonValue, type Problem } from '../../core/index.ts';
import type { CharacterAutomaton } from '../characters.ts';
import { automatonOf, patternBudget } from '../patterns/automaton.ts';
import { parsePattern } from '../patterns/parse.ts';
import { freshName } from '../terminal.ts';
import type { SchemaLimits } from './limits.ts';

/** A schema as it stands in another one. */
export type Schema = JsonObject | boolean;

export interface SchemaOptions {
  /** Where a schema names properties and says nothing of others, none may come (default false: JSON Schema allows any). */
  readonly closed?: boolean;
  readonly limits?: Partial<SchemaLimits>;
}

/** What the parts of one compilation share. */
export interface SchemaContext {
  readonly root: Schema;
  readonly limits: SchemaLimits;
  readonly closed: boolean;
  readonly problems: Problem[];
  /** The automaton of a pattern, read once; undefined where no text fits. Throws PatternProblem. */
  pattern(source: string): CharacterAutomaton | undefined;
  /** The schema that a $ref of the form #/... names; undefined where there is none. */
  resolve(reference: string): Schema | undefined;
  /** A number for each schema object. */
  idOf(schema: JsonObject): number;
}

export function createContext(root: Schema, limits: SchemaLimits, closed: boolean): SchemaContext {
  const patterns = new Map<string, CharacterAutomaton | undefined>();
  const budget = patternBudget();
  const ids = new Map<JsonObject, number>();
  return {
    root,
    limits,
    closed,
    problems: [],
    pattern(source) {
      if (!patterns.has(source)) {
        const name = source.length <= 60 ? `p${JSON.stringify(source)}` : freshName();
        patterns.set(source, automatonOf(parsePattern(source), name, budget));
      }
      return patterns.get(source);
    },
    resolve: (reference) => resolvePointer(root, reference),
    idOf(schema) {
      let id = ids.get(schema);
      if (id === undefined) ids.set(schema, (id = ids.size));
      return id;
    },
  };
}

/** Source: RFC 6901 in a URI fragment: `~1` is /, `~0` is ~, %XX is a byte. */
function resolvePointer(root: Schema, reference: string): Schema | undefined {
  if (!reference.startsWith('#')) return undefined;
  let pointer: string;
  try {
    pointer = decodeURIComponent(reference.slice(1));
  } catch {
    return undefined;
  }
  if (pointer !== '' && !pointer.startsWith('/')) return undefined;
  let at: JsonValue | undefined = root;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(at)) at = /^(0|[1-9]\d*)$/.test(name) ? (at as readonly JsonValue[])[Number(name)] : undefined;
    else if (isObject(at) && Object.hasOwn(at, name)) at = (at as JsonObject)[name];
    else return undefined;
  }
  return isSchema(at) ? at : undefined;
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === 'boolean' || isObject(value);
}

/** `$.properties.name`, or `$.properties["first name"]`. */
export function pathOf(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return /^[A-Za-z_$][\w$-]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}
