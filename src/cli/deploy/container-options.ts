import { z } from 'zod';
import { containerEnvironment, type ContainerEnvironment } from '../../deploy/index.ts';
import { grouped, option, texts, type OptionsOf } from '../../options/index.ts';

const text = z.string().min(1);

/** What both platforms' containers are told. */
export const CONTAINER_SHAPE = grouped('Container', {
  port: option(z.int().min(1).max(65_535).default(8000), { help: 'port on which the container listens' }),
  env: option(texts().optional(), { help: 'NAME=VALUE for the container; may be repeated' }),
  args: option(text.optional(), { help: "more words for preftune serve, '--log text --max-tokens 512'" }),
  forward: option(text.optional(), {
    help: "where records of answers go: another preftune's https://HOST/v1/preftune/records",
  }),
  forwardKeyEnv: option(text.optional(), {
    help: 'variable of this machine with a key of that server; its value is never shown',
    onlyWith: { option: 'forward' },
  }),
});

export const WATCH_SHAPE = grouped('Waiting', {
  wait: option(z.boolean().default(true), { help: 'wait until it answers' }),
  waitMinutes: option(z.number().gt(0).default(60), { help: 'longest wait' }),
  pollSeconds: option(z.number().gt(0).default(10), { help: 'time between two looks' }),
  dryRun: option(z.boolean().default(false), { help: 'print what would be sent, without values of secrets, and stop' }),
});

export type ContainerFlags = OptionsOf<typeof CONTAINER_SHAPE>;

export const listOf = (words: string | readonly string[] | undefined): readonly string[] =>
  words === undefined ? [] : [words].flat();

/** The container's environment from the flags. Throws bad-input with every problem. */
export function environmentOf(
  flags: ContainerFlags,
  more: {
    readonly fixed: Readonly<Record<string, string>>;
    readonly secrets?: readonly string[];
    readonly apiKeyEnv?: string | undefined;
    readonly environment: Readonly<Record<string, string | undefined>>;
  },
): ContainerEnvironment {
  const { env, args, forward, forwardKeyEnv, port } = flags;
  return containerEnvironment(
    { env: listOf(env), secrets: more.secrets ?? [], forward, forwardKeyEnv, apiKeyEnv: more.apiKeyEnv, args },
    { ...more.fixed, PORT: String(port) },
    more.environment,
  );
}
