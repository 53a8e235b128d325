import { z } from 'zod';
import { PreftuneError, type Problem } from '../../core/index.ts';
import { flagOf, option } from '../../options/index.ts';

/** The words behind the command: the endpoint, and what to do with it. */
const ACTIONS = ['apply', 'status', 'delete'] as const;
export type DeployAction = (typeof ACTIONS)[number];

export const PLATFORM_ARGUMENTS = [
  { name: 'endpoint', help: 'its name', isRequired: true },
  { name: 'action', help: 'apply (default): create or update; status; delete', choices: ACTIONS },
] as const;

export const CONFIRMING = {
  yes: option(z.boolean().default(false), { help: 'with delete: without it nothing is removed' }),
};

/** The endpoint and the action of the words; `check` has seen to both. */
export function endpointOf(args: readonly string[]): { readonly name: string; readonly action: DeployAction } {
  return { name: args[0] ?? '', action: (args[1] ?? 'apply') as DeployAction };
}

/** What platforms demand of the names of endpoints. */
export interface NameRule {
  readonly pattern: RegExp;
  /** The same in words, behind "must be". */
  readonly says: string;
}

/** Collects the problems of a call. */
export interface PlatformProblems {
  readonly problems: readonly Problem[];
  fail(path: string, message: string): void;
  /** `label` begins the message. */
  name(path: string, label: string, value: string | undefined, rule: NameRule): void;
  /** Each must be given; what stands behind "is required" may be said. */
  required<Options extends object>(options: Options, fields: { readonly [Name in keyof Options]?: string }): void;
  starting<Options extends object>(options: Options, fields: readonly (keyof Options & string)[]): void;
  /** Problems of the container's environment. */
  container(build: () => unknown): void;
}

/** Problems of the words behind the command; those of the options follow. `deleted` is what a delete removes. */
export function platformProblems(
  args: readonly string[],
  { yes, rule, deleted }: { readonly yes: boolean; readonly rule: NameRule; readonly deleted: string },
): PlatformProblems {
  const problems: Problem[] = [];
  const { action } = endpointOf(args);
  const all: PlatformProblems = {
    problems,
    fail: (path, message) => void problems.push({ path, message }),
    name(path, label, value, { pattern, says }) {
      if (value !== undefined && !pattern.test(value)) all.fail(path, `${label} must be ${says}, got ${value}`);
    },
    required(options, fields) {
      for (const [field, hint] of Object.entries<string | undefined>(fields))
        if ((options as Readonly<Record<string, unknown>>)[field] === undefined)
          all.fail(field, `${flagOf(field)} is required${hint === '' ? '' : `: ${hint}`}`);
    },
    starting(options, fields) {
      for (const field of fields)
        if (!String(options[field]).startsWith('/'))
          all.fail(field, `${flagOf(field)} must begin with /, got ${String(options[field])}`);
    },
    container(build) {
      try {
        build();
      } catch (thrown) {
        if (!(thrown instanceof PreftuneError)) throw thrown;
        problems.push(...thrown.problems);
      }
    },
  };
  all.name('endpoint', 'endpoint', args[0], rule);
  if (action === 'delete' && !yes) all.fail('yes', `delete needs --yes: ${deleted}`);
  return all;
}

/** Does the work; where it is interrupted, says what goes on at the platform without us. */
export async function untilStopped(work: () => Promise<void>, goesOn: string): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!(thrown instanceof PreftuneError) || thrown.code !== 'cancelled') throw thrown;
    throw new PreftuneError('cancelled', goesOn);
  }
}
