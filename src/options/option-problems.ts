import { z } from 'zod';
import { isObject, nearestName, shownValue, type Problem } from '../core/index.ts';
import { flagOf } from './option-list.ts';
import { unwrapped } from './option.ts';

const TYPES: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object of fields by name',
  record: 'an object of fields by name',
};

/** From how many choices on a guess says more than the list itself: of cpu, webgpu, cuda, cpu is as good a guess for gpu as any. */
const MANY_CHOICES = 5;

/** How problems are told. */
export interface ProblemNames {
  /** What a path is called: `--lora.rank`, or the key of a file. */
  readonly nameOf: (path: string) => string;
  /** What a value must be by its kind, where that says more than the type: `a whole number`. */
  readonly typeOf?: (path: string) => string | undefined;
  /** What is said of a path whose value is missing. */
  readonly helpOf?: (path: string) => string | undefined;
  /** Names of the fields beside an unknown one, which stands in the object at `path` and has that object as its value's owner. */
  readonly namesBeside: (path: readonly PropertyKey[], owner: unknown) => readonly string[];
  /** Whether a path is an option's or inside the value of one; inside where nothing is said. */
  readonly isOption?: (path: string) => boolean;
}

function choiceText(issue: z.core.$ZodIssueInvalidValue): string {
  const choices = issue.values.map(String);
  return `${choices.length > 1 ? 'one of ' : ''}${choices.join(', ')}`;
}

/** What must hold, after the option's name. */
function requirement(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'array' || issue.origin === 'string') return 'must not be empty';
      return `must be ${issue.inclusive === false ? 'above' : 'at least'} ${String(issue.minimum)}`;
    case 'too_big':
      return `must be ${issue.inclusive === false ? 'below' : 'at most'} ${String(issue.maximum)}`;
    case 'invalid_value':
      return `must be ${choiceText(issue)}`;
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? issue.expected}`;
    default:
      return issue.message;
  }
}

/** The first choice that a word of at least three letters begins: `dup` of duplicates. */
function begunBy(word: string, choices: readonly string[]): string | undefined {
  return word.length < 3 ? undefined : choices.find((choice) => choice.startsWith(word.toLowerCase()));
}

/** What is said of a wrong one of many choices that is near a right one: that one first, the whole list last. */
function guess(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code !== 'invalid_value' || issue.values.length < MANY_CHOICES || typeof issue.input !== 'string')
    return undefined;
  const choices = issue.values.map(String);
  const near = begunBy(issue.input, choices) ?? nearestName(issue.input, choices);
  if (near === undefined) return undefined;
  return `must be one of ${choices.length} choices, got ${shownValue(issue.input)}; did you mean ${near}? there are ${choices.join(', ')}`;
}

/** What the alternative that was meant says: the last one for a list, the first one for everything else. */
function ofUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const { input, path: place } = issue;
  // The kind of a union of kinds: zod's types do not name its `options`.
  const { discriminator, options = [] } = issue as { discriminator?: string; options?: string[] };
  if (discriminator !== undefined) {
    const value = isObject(input) ? input[discriminator] : input;
    return [{ code: 'invalid_value', values: options, path: place, input: value, message: '' }];
  }
  const inners = issue.errors.flat();
  const word = inners.find((inner) => inner.code === 'invalid_value' && inner.path.length === 0);
  if (word?.code === 'invalid_value' && typeof input === 'string') {
    const kinds = inners.filter(({ code }) => code === 'invalid_type').map(requirement);
    const message = [...kinds, choiceText(word)].join(' or ');
    return [{ code: 'custom', path: place, message: `${message}, got ${shownValue(input)}`, input }];
  }
  const meant = Array.isArray(input) ? issue.errors.at(-1) : issue.errors[0];
  return (meant ?? []).map((inner) => {
    const path = [...place, ...inner.path];
    return { ...inner, path, input: inner.input ?? input } as z.core.$ZodIssue;
  });
}

/** The names of the fields of the object at `path` in values of a schema, each behind that path. `owner` is that object, whose kind decides in a union. */
export function fieldNames(schema: z.ZodType, path: readonly PropertyKey[], owner: unknown): string[] {
  let at: z.ZodType | undefined = unwrapped(schema);
  for (const name of path) at = fieldAt(at, name);
  if (at instanceof z.ZodDiscriminatedUnion) at = alternativeOf(at, owner);
  if (!(at instanceof z.ZodObject)) return [];
  return Object.keys(at.shape).map((name) => [...path, name].join('.'));
}

function fieldAt(schema: z.ZodType | undefined, name: PropertyKey): z.ZodType | undefined {
  if (schema instanceof z.ZodArray) return unwrapped(schema.element as z.ZodType);
  const field = schema instanceof z.ZodObject ? (schema.shape as Record<PropertyKey, z.ZodType>)[name] : undefined;
  return field && unwrapped(field);
}

/** The alternative whose kind an object has. */
function alternativeOf(union: z.ZodDiscriminatedUnion, owner: unknown): z.ZodType | undefined {
  const { discriminator } = union.def;
  const kind = isObject(owner) ? owner[discriminator] : undefined;
  return (union.options as readonly z.ZodObject[]).find((one) => {
    const field = one.shape[discriminator];
    return field instanceof z.ZodLiteral && field.values.has(kind as string);
  });
}

/** Whether a required value is not there. */
export function isMissing(issue: z.core.$ZodIssue): boolean {
  return issue.code !== 'unrecognized_keys' && issue.code !== 'custom' && issue.input === undefined;
}

/**
 * The problems that a schema found (with `reportInput`), each beginning with the name of its option: `--max-length must be at least 1, got 0`.
 * An item of a list is told with the list's name.
 */
export function schemaProblems(error: z.ZodError, names: ProblemNames): Problem[] {
  const { nameOf, helpOf, typeOf, namesBeside, isOption = () => false } = names;
  return error.issues.flatMap(ofUnion).flatMap((issue): Problem[] => {
    const path = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      const known = namesBeside(issue.path, issue.input);
      return issue.keys.map((key) => {
        const own = [...issue.path, key].join('.');
        const near = nearestName(own, known);
        const all = known.map((name) => name.split('.').at(-1)).join(', ');
        const others = isOption(own) ? 'see --help-all for the options' : `there are ${all}`;
        const hint = near === undefined ? others : `did you mean ${nameOf(near)}?`;
        return { path: own, message: `${nameOf(own)} is not ${isOption(own) ? 'an option' : 'a field'}; ${hint}` };
      });
    }
    if (isMissing(issue)) return [{ path, message: `${nameOf(path)} is required${tail(helpOf?.(path))}` }];
    // A message of the schema's own says all that may be said: the value may be a key.
    if (issue.code === 'custom' || issue.code === 'invalid_format')
      return [{ path, message: `${nameOf(path)} ${issue.message}` }];
    const near = guess(issue);
    if (near !== undefined) return [{ path, message: `${nameOf(path)} ${near}` }];
    const type = issue.code === 'invalid_type' ? typeOf?.(path) : undefined;
    const must = type === undefined ? requirement(issue) : `must be ${type}`;
    return [{ path, message: `${nameOf(path)} ${must}, got ${shownValue(issue.input)}` }];
  });
}

function tail(help: string | undefined): string {
  return help === undefined || help === '' ? '' : `; ${help}`;
}

/** An option that was given and changes nothing. */
export function idleProblem(path: string, because: string): Problem {
  return { path, message: `${flagOf(path)} has no effect ${because}; leave it out` };
}

/** A problem that names the field it is of, as `beta: must be above 0`, named as a flag. */
export function flagProblem(problem: Problem): Problem {
  const { path, message } = problem;
  if (path === undefined || !message.startsWith(`${path}: `)) return problem;
  return { ...problem, message: flagOf(path) + message.slice(path.length + 1) };
}
