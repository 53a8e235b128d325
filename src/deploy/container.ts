import { badInput, type Problem } from '../core/index.ts';

/** What the container's entry (`assets/deploy/preftune-container`) reads from its environment. */
export interface ContainerOptions {
  /** NAME=VALUE pairs for the container. */
  readonly env: readonly string[];
  /** Names of variables of this machine whose values become secrets of the container. */
  readonly secrets: readonly string[];
  /** Where records of answers go. */
  readonly forward: string | undefined;
  /** The variable of this machine with the key of `forward`. */
  readonly forwardKeyEnv: string | undefined;
  /** The variable of this machine with the key that callers need; undefined where the platform asks. */
  readonly apiKeyEnv: string | undefined;
  /** More words for `preftune serve`, split at blanks. */
  readonly args: string | undefined;
}

export interface ContainerEnvironment {
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The container's environment. Throws bad-input with every pair that is none and every variable that is not set. */
export function containerEnvironment(
  { env, secrets, forward, forwardKeyEnv, apiKeyEnv, args }: ContainerOptions,
  fixed: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): ContainerEnvironment {
  const problems: Problem[] = [];
  const plain: Record<string, string> = { ...fixed };
  const hidden: Record<string, string> = {};
  const secretOf = (flag: string, path: string, name: string): string => {
    const value = environment[name];
    if (value !== undefined && value !== '') return value;
    problems.push({
      path,
      message: `${flag} must name a variable that is set here, got ${name}; set it, its value is never shown`,
    });
    return '';
  };
  for (const pair of env) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, at);
    if (at <= 0 || !NAME.test(name)) problems.push({ path: 'env', message: `--env must be NAME=VALUE, got ${pair}` });
    // A port that the platform does not know of leaves an endpoint that starts for ever.
    else if (name in fixed)
      problems.push({
        path: 'env',
        message: `--env must leave ${name} to the command, which sets it to ${fixed[name]}`,
      });
    else plain[name] = pair.slice(at + 1);
  }
  for (const name of secrets) {
    if (!NAME.test(name))
      problems.push({
        path: 'secret',
        message: `--secret must be the name of a variable of this machine, got ${name.split('=')[0]!}`,
      });
    else if (name in plain)
      problems.push({ path: 'secret', message: `--secret and --env must not both set ${name}; leave one out` });
    else hidden[name] = secretOf('--secret', 'secret', name);
  }
  if (args !== undefined) plain['PREFTUNE_ARGS'] = args;
  if (forward !== undefined) {
    plain['PREFTUNE_FORWARD'] = forward;
    if (forwardKeyEnv === undefined)
      problems.push({
        path: 'forwardKeyEnv',
        message: '--forward-key-env must name the variable that has the key of --forward',
      });
    else hidden['PREFTUNE_FORWARD_KEY'] = secretOf('--forward-key-env', 'forwardKeyEnv', forwardKeyEnv);
  }
  if (apiKeyEnv !== undefined) hidden['PREFTUNE_API_KEY'] = secretOf('--api-key-env', 'apiKeyEnv', apiKeyEnv);
  if (problems.length > 0) throw badInput(problems);
  return { env: plain, secrets: hidden };
}

/** Names stay, values go: what may be printed. */
export function masked(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(values).map((name) => [name, '***']));
}
