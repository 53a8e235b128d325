import { z } from 'zod';
import type { Problem } from '../../core/index.ts';
import { grouped, option, type OptionsOf } from '../../options/index.ts';
import { addressProblem } from '../spool/spool-address.ts';

const text = z.string().min(1);

/** Records that go to another preftune: what a container that forgets everything has instead of a store. */
export const FORWARD_SHAPE = grouped('Forwarding', {
  forward: option(text.optional(), {
    help: "send records of answers to another preftune's https://HOST/v1/preftune/records, by --log",
  }),
  forwardKeyEnv: option(text.optional(), {
    help: 'environment variable with a key of that server with the scope feedback',
    onlyWith: { option: 'forward' },
  }),
  forwardFolder: option(text.optional(), {
    help: 'folder in which records wait for that server',
    usually: 'one of this user in the temporary folder',
    onlyWith: { option: 'forward' },
  }),
  forwardMib: option(z.int().min(1).default(64), {
    help: 'MiB that may wait',
    onlyWith: { option: 'forward' },
  }),
  forwardFull: option(z.enum(['refuse', 'drop-oldest']).default('refuse'), {
    help: 'what goes when more would wait: the new record, or the oldest; counted and told either way',
    onlyWith: { option: 'forward' },
  }),
});

export type ForwardSettings = OptionsOf<typeof FORWARD_SHAPE>;

/** What is wrong with where records go. */
export function forwardProblems(
  { forward, forwardKeyEnv, log }: ForwardSettings & { readonly log: string },
  environment: Readonly<Record<string, string | undefined>>,
): Problem[] {
  if (forward === undefined) return [];
  const problems: Problem[] = [];
  const wrong = addressProblem(forward);
  if (wrong !== undefined) problems.push({ path: 'forward', message: wrong });
  if (log === 'off')
    problems.push({ path: 'forward', message: '--forward has no effect with --log off; leave it out' });
  const key = forwardKeyEnv === undefined ? undefined : environment[forwardKeyEnv];
  if (forwardKeyEnv === undefined)
    problems.push({
      path: 'forwardKeyEnv',
      message: '--forward-key-env must name the environment variable that has the key of --forward',
    });
  else if (key === undefined || !/^[\x21-\x7e]+$/.test(key))
    problems.push({
      path: 'forwardKeyEnv',
      message: `--forward-key-env must name a variable that holds a key, got ${forwardKeyEnv}, which is ${key === undefined ? 'not set' : key === '' ? 'empty' : 'no key: it holds blanks or other signs'}`,
    });
  return problems;
}
