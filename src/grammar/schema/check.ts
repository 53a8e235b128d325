import { didYouMean, isObject, shownValue, type JsonRecord } from '../../core/index.ts';
import { MAX_COUNT } from '../characters.ts';
import { BOUND_DIGITS, isEnforceableBound } from '../numbers.ts';
import { PatternProblem } from '../patterns/parse.ts';
import { isSchema, pathOf, type SchemaContext } from './context.ts';
import { FORMAT_NAMES, formatPattern } from './formats.ts';

/** What the checks of one schema need. */
interface Place {
  readonly context: SchemaContext;
  readonly path: string;
  readonly schema: JsonRecord;
  readonly counts: { properties: number; enumValues: number };
  readonly complain: (keyword: string, message: string) => void;
  readonly descend: (value: unknown, path: string) => void;
  /** Like descend, after everything else, so that paths are where schemas stand. */
  readonly point: (value: unknown, path: string) => void;
}

type Check = (value: unknown, place: Place, keyword: string) => void;

export const TYPE_NAMES: readonly string[] = ['null', 'boolean', 'object', 'array', 'number', 'integer', 'string'];

const nothing: Check = () => {};

const isCount: Check = (value, place, keyword) => {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    place.complain(keyword, `must be a whole number of at least 0, got ${shownValue(value)}`);
  else if (keyword.startsWith('min') && value > MAX_COUNT)
    place.complain(keyword, `must be at most ${MAX_COUNT}, got ${value}; no answer is that long`);
};

function mayBeFraction(type: unknown): boolean {
  return type === undefined || type === 'number' || (Array.isArray(type) && type.includes('number'));
}

const isBound: Check = (value, place, keyword) => {
  if (typeof value !== 'number' || !Number.isFinite(value))
    place.complain(keyword, `must be a finite number, got ${shownValue(value)}`);
  else if (mayBeFraction(place.schema.type) && !isEnforceableBound(value))
    place.complain(
      keyword,
      `must have at most ${BOUND_DIGITS.integer} digits in front of the point and ${BOUND_DIGITS.fraction} behind it to be enforced for numbers that are no integers, got ${value}; round it or leave it out`,
    );
};

const isSub: Check = (value, place, keyword) => place.descend(value, pathOf(place.path, keyword));

const isSubList: Check = (value, place, keyword) => {
  const path = pathOf(place.path, keyword);
  if (!Array.isArray(value) || (value.length === 0 && keyword !== 'prefixItems'))
    place.complain(keyword, `must be a list of schemas, got ${shownValue(value)}`);
  else value.forEach((schema, index) => place.descend(schema, pathOf(path, index)));
};

const isSubMap: Check = (value, place, keyword) => {
  const path = pathOf(place.path, keyword);
  if (!isObject(value)) place.complain(keyword, `must be an object of schemas, got ${shownValue(value)}`);
  else {
    if (keyword === 'properties') place.counts.properties += Object.keys(value).length;
    for (const [name, schema] of Object.entries(value)) place.descend(schema, pathOf(path, name));
  }
};

const isType: Check = (value, place, keyword) => {
  const names = Array.isArray(value) ? value : [value];
  const unknown = names.find((name) => typeof name !== 'string' || !TYPE_NAMES.includes(name));
  if (names.length === 0 || unknown !== undefined)
    place.complain(keyword, `must be of ${TYPE_NAMES.join(', ')}, or a list of them, got ${shownValue(value)}`);
};

const isEnum: Check = (value, place, keyword) => {
  if (!Array.isArray(value) || value.length === 0)
    place.complain(keyword, `must be a list of at least one value, got ${shownValue(value)}`);
  else place.counts.enumValues += value.length;
};

const isPattern: Check = (value, place, keyword) => {
  if (typeof value !== 'string') {
    place.complain(keyword, `must be a regular expression, got ${shownValue(value)}`);
    return;
  }
  try {
    place.context.pattern(value);
  } catch (thrown) {
    if (!(thrown instanceof PatternProblem)) throw thrown;
    place.complain(keyword, `must be a pattern that can be enforced, got ${shownValue(value)}, ${thrown.message}`);
  }
};

const isFormat: Check = (value, place, keyword) => {
  if (typeof value !== 'string' || formatPattern(value) === undefined)
    place.complain(
      keyword,
      `must be of ${FORMAT_NAMES.join(', ')}, which are enforced, got ${shownValue(value)}; leave it out or say it as a pattern`,
    );
};

const isReference: Check = (value, place, keyword) => {
  if (typeof value !== 'string' || !value.startsWith('#'))
    place.complain(
      keyword,
      `must point into the schema itself (#/...), got ${shownValue(value)}; copy what it names to $defs`,
    );
  else if (place.context.resolve(value) === undefined)
    place.complain(keyword, `must point to a schema, got ${shownValue(value)}, where there is none`);
  // It may stand where no schema is expected, such as an unknown part: it is one now.
  else place.point(place.context.resolve(value), value);
};

const isRequired: Check = (value, place, keyword) => {
  if (!Array.isArray(value) || value.some((name) => typeof name !== 'string'))
    place.complain(keyword, `must be a list of names, got ${shownValue(value)}`);
  else place.counts.properties += value.length;
};

const isItems: Check = (value, place, keyword) => {
  if (Array.isArray(value))
    place.complain(keyword, 'must be one schema, got a list; say prefixItems for one schema a place');
  else isSub(value, place, keyword);
};

const isMultiple: Check = (value, place, keyword) => {
  const isInteger = place.schema.type === 'integer';
  if (value !== 1 || !isInteger) place.complain(keyword, 'cannot be enforced; leave it out and check the answer');
};

const isUnique: Check = (value, place, keyword) => {
  const { maxItems } = place.schema;
  if (value !== false && !(typeof maxItems === 'number' && maxItems <= 1))
    place.complain(keyword, 'cannot be enforced; leave it out and check the answer');
};

/** What a schema may say, and how it is checked. Descriptions do nothing, as in OpenAI's strict mode. */
const KEYWORDS: Readonly<Record<string, Check>> = {
  title: nothing,
  description: nothing,
  default: nothing,
  examples: nothing,
  example: nothing,
  deprecated: nothing,
  readOnly: nothing,
  writeOnly: nothing,
  $comment: nothing,
  $schema: nothing,
  $id: (_value, place) => {
    if (place.path !== '$') place.complain('$id', 'may stand at the top only; point with #/... instead');
  },
  $ref: isReference,
  $defs: isSubMap,
  definitions: isSubMap,
  type: isType,
  enum: isEnum,
  const: nothing,
  allOf: isSubList,
  anyOf: isSubList,
  oneOf: isSubList,
  properties: isSubMap,
  required: isRequired,
  additionalProperties: isSub,
  minProperties: isCount,
  maxProperties: isCount,
  items: isItems,
  prefixItems: isSubList,
  minItems: isCount,
  maxItems: isCount,
  uniqueItems: isUnique,
  minLength: isCount,
  maxLength: isCount,
  pattern: isPattern,
  format: isFormat,
  minimum: isBound,
  maximum: isBound,
  exclusiveMinimum: isBound,
  exclusiveMaximum: isBound,
  multipleOf: isMultiple,
};

/** JSON Schema's own keywords that are refused, with what helps. */
const REFUSED: Readonly<Record<string, string>> = {
  not: 'say what is allowed instead',
  if: 'say each case as an option of anyOf',
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword's name
  then: 'say each case as an option of anyOf',
  else: 'say each case as an option of anyOf',
  dependentSchemas: 'say each case as an option of anyOf',
  dependentRequired: 'say each case as an option of anyOf',
  dependencies: 'say each case as an option of anyOf',
  unevaluatedProperties: 'say additionalProperties',
  unevaluatedItems: 'say items',
  patternProperties: 'name the properties, or say additionalProperties',
  propertyNames: 'name the properties',
  contains: 'leave it out and check the answer',
  minContains: 'leave it out and check the answer',
  maxContains: 'leave it out and check the answer',
  additionalItems: 'say items behind prefixItems',
  nullable: 'add "null" to the type',
  $anchor: 'point with #/... instead',
  $dynamicRef: 'say $ref',
  $dynamicAnchor: 'point with #/... instead',
  $recursiveRef: 'say $ref',
  contentEncoding: 'leave it out or say it as a pattern',
  contentMediaType: 'leave it out',
  contentSchema: 'leave it out',
};

/** Adds to the context's problems what of the schema cannot be enforced or is malformed, each with its path. */
export function checkSchema(context: SchemaContext): void {
  const counts = { properties: 0, enumValues: 0 };
  const visited = new Set<unknown>();
  const pointed: { readonly value: unknown; readonly path: string }[] = [];
  const visit = (value: unknown, path: string): void => {
    if (!isSchema(value)) {
      report(context, path, `must be a schema (an object or a boolean), got ${shownValue(value)}`);
      return;
    }
    if (typeof value === 'boolean' || visited.has(value)) return;
    visited.add(value);
    const place: Place = {
      context,
      path,
      schema: value,
      counts,
      complain: (keyword, message) => report(context, pathOf(path, keyword), message),
      descend: visit,
      point: (target, targetPath) => pointed.push({ value: target, path: targetPath }),
    };
    for (const [keyword, inner] of Object.entries(value)) checkKeyword(keyword, inner, place);
  };
  visit(context.root, '$');
  for (const { value, path } of pointed) visit(value, path);
  const { properties, enumValues } = context.limits;
  if (counts.properties > properties)
    report(
      context,
      '$',
      `must name at most ${properties} properties in all, got ${counts.properties}; split the schema`,
    );
  if (counts.enumValues > enumValues)
    report(
      context,
      '$',
      `must have at most ${enumValues} values of enum in all, got ${counts.enumValues}; split the schema`,
    );
}

function checkKeyword(keyword: string, value: unknown, place: Place): void {
  if (Object.hasOwn(KEYWORDS, keyword)) KEYWORDS[keyword]!(value, place, keyword);
  else if (Object.hasOwn(REFUSED, keyword)) place.complain(keyword, `cannot be enforced; ${REFUSED[keyword]!}`);
  else if (!keyword.startsWith('x-')) {
    const advice = didYouMean(keyword, Object.keys(KEYWORDS), 'leave it out');
    place.complain(keyword, `is no keyword that is known here; ${advice}`);
  }
}

function report({ problems }: SchemaContext, path: string, message: string): void {
  problems.push({ message: `schema: ${path} ${message}`, path });
}
