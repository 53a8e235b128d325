import type { z } from 'zod';
import type { Problem } from '../core/index.ts';

/** The flag of an option's dotted path: `lora.rankStabilised` is --lora.rank-stabilised. */
export function flagOf(path: string): string {
  return `--${path.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

const TYPES: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list of texts',
  object: 'options by name',
};

function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
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
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? issue.expected}`;
    default:
      return issue.message;
  }
}

/** What the alternative that was meant says: the last one for a list, the first one for everything else. */
function ofUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = Array.isArray(issue.input) ? issue.errors.at(-1) : issue.errors[0];
  return (meant ?? []).map((inner) => {
    const path = [...issue.path, ...inner.path];
    return { ...inner, path, input: inner.input ?? issue.input } as z.core.$ZodIssue;
  });
}

/** The problems of a schema, options named as flags; `describe` says what an option is. */
export function schemaProblems(error: z.ZodError, describe: (path: string) => string | undefined): Problem[] {
  return error.issues.flatMap(ofUnion).flatMap((issue): Problem[] => {
    const path = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const name = path === '' ? key : `${path}.${key}`;
        return { path: name, message: `${flagOf(name)}: no such option; see --help` };
      });
    }
    if (issue.code === 'invalid_type' && issue.input === undefined)
      return [{ path, message: `${flagOf(path)} is required; ${describe(path) ?? 'see --help'}` }];
    return [{ path, message: `${flagOf(path)} ${requirement(issue)}, got ${shown(issue.input)}` }];
  });
}

/** An option that was given and changes nothing. */
export function idleProblem(path: string, because: string): Problem {
  return { path, message: `${flagOf(path)} has no effect ${because}; leave it out` };
}
