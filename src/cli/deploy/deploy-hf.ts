import { z } from 'zod';
import { badInput, type JsonObject, type Problem } from '../../core/index.ts';
import {
  applyHfEndpoint,
  awaitHfEndpoint,
  createPlatformClient,
  deleteHfEndpoint,
  hfCreateBody,
  hfError,
  masked,
  namespaceOfToken,
  readHfEndpoint,
  type ContainerEnvironment,
  type HfEndpoint,
  type HfWanted,
  type PlatformClient,
} from '../../deploy/index.ts';
import { readHubSettings } from '../../hub/index.ts';
import { grouped, option, texts } from '../../options/index.ts';
import { defineCommand, type CommandContext } from '../frame/command.ts';
import { CONTAINER_SHAPE, environmentOf, listOf, WATCH_SHAPE } from './container-options.ts';
import {
  CONFIRMING,
  endpointOf,
  PLATFORM_ARGUMENTS,
  platformProblems,
  untilStopped,
  type NameRule,
  type PlatformProblems,
} from './platform.ts';

const text = z.string().min(1);

const OPTIONS = z.strictObject({
  model: option(text.optional(), { help: 'hub id of the model; it is mounted at /repository', isCommon: true }),
  revision: option(text.default('main'), { help: 'commit, branch or tag of the model' }),
  image: option(text.optional(), {
    help: 'the container image, in a registry that Hugging Face can read',
    isCommon: true,
  }),
  namespace: option(text.optional(), { help: 'user or organization that pays', usually: "the token's user" }),
  ...grouped('Machine', {
    vendor: option(text.default('aws'), { help: 'cloud: aws, azure, gcp' }),
    region: option(text.default('us-east-1'), { help: 'region of the cloud', isCommon: true }),
    accelerator: option(z.enum(['cpu', 'gpu', 'neuron', 'tpu']).default('cpu'), { help: 'kind of machine' }),
    instanceType: option(text.default('intel-spr'), { help: 'machine, as the price list names it', isCommon: true }),
    instanceSize: option(text.default('x4'), { help: 'its size', isCommon: true }),
    minReplica: option(z.int().min(0).default(1), { help: 'machines that always run; 0 lets it sleep' }),
    maxReplica: option(z.int().min(1).default(1), { help: 'machines at most' }),
    scaleToZeroMinutes: option(z.int().min(1).optional(), { help: 'minutes without requests after which it sleeps' }),
  }),
  ...CONTAINER_SHAPE,
  secret: option(texts().optional(), {
    help: 'name of a variable of this machine that becomes a secret of the container; may be repeated',
  }),
  healthRoute: option(text.default('/ready'), { help: 'route that answers 200 when models answer' }),
  access: option(z.enum(['authenticated', 'public', 'private']).default('authenticated'), {
    help: 'who may ask: tokens of Hugging Face, anybody (--api-key-env is needed), a private network',
  }),
  apiKeyEnv: option(text.optional(), { help: 'variable of this machine with the key that callers then need' }),
  ...WATCH_SHAPE,
  ...CONFIRMING,
  api: option(text.default('https://api.endpoints.huggingface.cloud/v2'), { help: "address of the platform's API" }),
});
type HfOptions = z.output<typeof OPTIONS>;

/** `preftune deploy hf`: an Inference Endpoint of Hugging Face. */
export const DEPLOY_HF = defineCommand({
  name: 'deploy hf',
  description: 'Puts a model behind an endpoint of Hugging Face: creates, updates, watches, removes it',
  arguments: PLATFORM_ARGUMENTS,
  examples: [
    { does: 'what would be sent', words: 'my-chat --model you/your-model --image you/preftune:1 --dry-run' },
    { does: 'how far it is', words: 'my-chat status' },
    { does: 'gone', words: 'my-chat delete --yes' },
  ],
  options: OPTIONS,
  takesConfig: true,
  check: (options, { args, environment }) => problemsOf(options, args, environment),
  async run(options, context) {
    const { args, terminal } = context;
    const { name, action } = endpointOf(args);
    if (options.dryRun) {
      const wanted = wantedOf(options, name, { namespace: options.namespace ?? 'NAMESPACE', context });
      const body = hfCreateBody(shown(wanted));
      const plan = { post: `${options.api}/endpoint/${wanted.namespace}`, body };
      return terminal.result(plan, JSON.stringify(plan, null, 2));
    }
    const client = clientOf(options, context);
    const namespace = options.namespace ?? (await namespaceOfToken(hubOf(context)));
    if (action === 'status') return tell(await requireEndpoint(client, namespace, name), context);
    if (action === 'delete') {
      const isGone = await deleteHfEndpoint(client, { namespace, name });
      return terminal.result(
        { name, deleted: isGone },
        isGone ? `${namespace}/${name} is removed` : `There is no ${namespace}/${name}`,
      );
    }
    return apply(client, wantedOf(options, name, { namespace, context }), options, context);
  },
});

async function apply(
  client: PlatformClient,
  wanted: HfWanted,
  options: HfOptions,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  const { namespace, name } = wanted;
  const work = async (): Promise<void> => {
    const { did, endpoint } = await applyHfEndpoint(client, wanted);
    terminal.note(`${namespace}/${name}: ${did}`);
    if (!options.wait) return tell(endpoint, context);
    const token = readHubSettings(context.environment).token;
    const done = await awaitHfEndpoint(client, endpoint, {
      pollMs: options.pollSeconds * 1000,
      waitMs: options.waitMinutes * 60_000,
      onState: ({ state, message, replicas }) =>
        terminal.note(`${state}, ${replicas} machines ready${message === '' ? '' : `: ${message}`}`),
      ...(wanted.access !== 'private' && {
        isHealthy: (url) => answers(`${url.replace(/\/$/, '')}${wanted.healthRoute}`, { token, signal }),
      }),
    });
    tell(done, context);
  };
  await untilStopped(
    work,
    `deploy hf: stopped; what the platform has taken of ${namespace}/${name} goes on there and may cost: preftune deploy hf ${name} status says how far it is, delete removes it`,
  );
}

/** Whether the endpoint itself is well; its own address, so that the token goes to Hugging Face alone. */
async function answers(
  url: string,
  { token, signal }: { readonly token: string | undefined; readonly signal: AbortSignal },
): Promise<boolean> {
  const isTheirs = /\.huggingface\.(?:cloud|co)$/.test(new URL(url).hostname);
  try {
    const response = await fetch(url, {
      ...(isTheirs && token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(20_000)]),
    });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}

function tell({ namespace, name, state, message, url, replicas }: HfEndpoint, { terminal }: CommandContext): void {
  const base = url === undefined ? undefined : `${url.replace(/\/$/, '')}/v1`;
  const value: JsonObject = { namespace, name, state, message, replicas, baseUrl: base ?? null };
  terminal.result(
    value,
    `${namespace}/${name}: ${state}${message === '' ? '' : ` (${message})`}${base === undefined ? '' : `\nbase URL ${base}, with a token of Hugging Face as key where the endpoint asks for one`}`,
  );
}

async function requireEndpoint(client: PlatformClient, namespace: string, name: string): Promise<HfEndpoint> {
  const endpoint = await readHfEndpoint(client, { namespace, name });
  if (endpoint !== undefined) return endpoint;
  throw badInput(`deploy hf: ${namespace}/${name} must exist, got 404; check the name and --namespace`);
}

function wantedOf(
  options: HfOptions,
  name: string,
  { namespace, context }: { readonly namespace: string; readonly context: CommandContext },
): HfWanted {
  const { model, image } = options;
  const container = wantedContainer(options, context.environment);
  const { revision, scaleToZeroMinutes } = options;
  return { ...options, revision, scaleToZeroMinutes, name, namespace, model: model!, image: image!, container };
}

function wantedContainer(options: HfOptions, environment: CommandContext['environment']): ContainerEnvironment {
  const { model, apiKeyEnv } = options;
  return environmentOf(options, {
    fixed: {
      PREFTUNE_MODEL: '/repository',
      PREFTUNE_MODEL_NAME: model!,
      PREFTUNE_STORE: 'none',
      PREFTUNE_AUTH: apiKeyEnv === undefined ? 'upstream' : 'keys',
    },
    secrets: listOf(options.secret),
    apiKeyEnv,
    environment,
  });
}

const shown = (wanted: HfWanted): HfWanted => ({
  ...wanted,
  container: { ...wanted.container, secrets: masked(wanted.container.secrets) },
});

function clientOf({ api }: HfOptions, { environment, signal }: CommandContext): PlatformClient {
  const { token } = readHubSettings(environment);
  if (token === undefined)
    throw badInput(
      'deploy hf: HF_TOKEN must be set, got none; make a token at https://huggingface.co/settings/tokens that may manage Inference Endpoints, or run `hf auth login`',
    );
  return createPlatformClient({ api, token: async () => token, signal, errorOf: hfError });
}

function hubOf({ environment, signal }: CommandContext): PlatformClient {
  const { endpoint, token } = readHubSettings(environment);
  return createPlatformClient({ api: endpoint, token: async () => token ?? '', signal, errorOf: hfError });
}

const NAME: NameRule = {
  pattern: /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
  says: '1 to 32 of a-z, 0-9 and - inside',
};

function problemsOf(
  options: HfOptions,
  args: readonly string[],
  environment: CommandContext['environment'],
): readonly Problem[] {
  const { name, action } = endpointOf(args);
  const found = platformProblems(args, {
    yes: options.yes,
    rule: NAME,
    deleted: `${name} and its address are gone then`,
  });
  if (action !== 'apply') return found.problems;
  found.required(options, {
    model: 'a hub id',
    image: 'the image of preftune deploy write --to hf, in a registry',
  });
  if (options.model !== undefined && !/^[\w.-]+\/[\w.-]+$/.test(options.model))
    found.fail(
      'model',
      `--model must be a hub id such as you/your-model, got ${options.model}; push the model to the hub first: preftune export --to hf --push you/your-model`,
    );
  if (options.minReplica > options.maxReplica)
    found.fail(
      'minReplica',
      `--min-replica must be at most --max-replica ${options.maxReplica}, got ${options.minReplica}`,
    );
  found.starting(options, ['healthRoute']);
  checkAccess(options, environment, found);
  if (options.model !== undefined) found.container(() => wantedContainer(options, environment));
  return found.problems;
}

function checkAccess(
  { access, apiKeyEnv }: HfOptions,
  environment: CommandContext['environment'],
  { fail }: PlatformProblems,
): void {
  if (access === 'public' && apiKeyEnv === undefined)
    fail('apiKeyEnv', '--access public lets anybody ask, and needs --api-key-env: the key that callers then send');
  if (access !== 'public' && apiKeyEnv !== undefined)
    fail(
      'apiKeyEnv',
      `--api-key-env has no effect with --access ${access}: callers send a token of Hugging Face in its place`,
    );
  const key = apiKeyEnv === undefined ? undefined : environment[apiKeyEnv];
  if (key !== undefined && key.length < 16)
    fail('apiKeyEnv', `--api-key-env must name a key of at least 16 characters, got ${key.length}`);
}
