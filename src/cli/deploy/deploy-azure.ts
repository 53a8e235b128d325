import { z } from 'zod';
import { badInput, type JsonObject, type JsonValue, type Problem } from '../../core/index.ts';
import {
  applyAzureEndpoint,
  azureError,
  azurePlan,
  azureTokens,
  createPlatformClient,
  deleteAzure,
  readAzureEndpoint,
  type AzureEndpoint,
  type AzureTiming,
  type AzureWanted,
  type ContainerEnvironment,
  type PlatformClient,
} from '../../deploy/index.ts';
import { grouped, option } from '../../options/index.ts';
import { defineCommand, type CommandContext } from '../frame/command.ts';
import { CONTAINER_SHAPE, environmentOf, WATCH_SHAPE } from './container-options.ts';
import {
  CONFIRMING,
  endpointOf,
  PLATFORM_ARGUMENTS,
  platformProblems,
  untilStopped,
  type NameRule,
} from './platform.ts';

const text = z.string().min(1);
const { wait: _, ...WATCH } = WATCH_SHAPE;

const OPTIONS = z.strictObject({
  subscription: option(text.optional(), {
    help: 'id of the subscription',
    usually: 'AZURE_SUBSCRIPTION_ID',
    isCommon: true,
  }),
  resourceGroup: option(text.optional(), { help: 'resource group of the workspace', isCommon: true }),
  workspace: option(text.optional(), { help: 'Azure ML workspace', isCommon: true }),
  location: option(text.optional(), { help: 'region of the workspace, such as westeurope', isCommon: true }),
  image: option(text.optional(), {
    help: "the container image, in a registry from which the endpoint's identity may pull",
    isCommon: true,
  }),
  model: option(text.optional(), { help: 'registered model, NAME:VERSION, or its azureml:// id', isCommon: true }),
  deployment: option(text.optional(), {
    help: 'name of the deployment',
    usually: 'made from what it consists of, so that a change makes a new one beside the old',
  }),
  ...grouped('Machine', {
    instanceType: option(text.default('Standard_DS3_v2'), { help: 'machine', isCommon: true }),
    instances: option(z.int().min(1).default(1), { help: 'how many' }),
    concurrent: option(z.int().min(1).default(64), {
      help: 'requests at once on one machine; more wait in front of it',
    }),
    requestSeconds: option(z.int().min(1).max(180).default(180), {
      help: 'longest time of a request; Azure allows 180',
    }),
    startMinutes: option(z.int().min(1).default(30), { help: 'longest time in which the model is loaded' }),
  }),
  ...CONTAINER_SHAPE,
  modelMountPath: option(text.default('/models'), { help: 'where the model is mounted' }),
  scoringRoute: option(text.default('/'), {
    help: 'route for requests; / passes every route on, so that /v1 is the base URL',
  }),
  ...WATCH,
  removeOld: option(z.boolean().default(false), {
    help: 'remove deployments without traffic when the new one answers; they cost',
  }),
  ...CONFIRMING,
  api: option(text.default('https://management.azure.com'), { help: 'address of the management API' }),
  authority: option(text.default('https://login.microsoftonline.com'), {
    help: 'where client credentials become tokens',
  }),
});
type AzureOptions = z.output<typeof OPTIONS>;

/** `preftune deploy azure`: a managed online endpoint of Azure Machine Learning. */
export const DEPLOY_AZURE = defineCommand({
  name: 'deploy azure',
  description: 'Puts a model behind an online endpoint of Azure ML; the old deployment answers until the new one does',
  arguments: PLATFORM_ARGUMENTS,
  examples: [
    {
      does: 'create or update',
      words:
        'my-chat --subscription ID --resource-group group --workspace space --location westeurope --image group.azurecr.io/preftune:1 --model my-model:1',
    },
    { does: 'where requests go', words: 'my-chat status --subscription ID --resource-group group --workspace space' },
  ],
  options: OPTIONS,
  takesConfig: true,
  check: (options, { args, environment }) => problemsOf(options, args, environment),
  async run(options, context) {
    const { args, terminal, environment } = context;
    const { name, action } = endpointOf(args);
    const workspace = {
      subscription: (options.subscription ?? environment['AZURE_SUBSCRIPTION_ID'])!,
      resourceGroup: options.resourceGroup!,
      workspace: options.workspace!,
    };
    const timing: AzureTiming = {
      pollMs: options.pollSeconds * 1000,
      waitMs: options.waitMinutes * 60_000,
      onStep: (step) => terminal.note(step),
    };
    if (action === 'apply') {
      const wanted = wantedOf(options, { name, workspace, context });
      if (options.dryRun) {
        const requests = withoutKeys([...azurePlan(wanted).requests], wanted.env['PREFTUNE_FORWARD_KEY']);
        return terminal.result({ requests }, JSON.stringify(requests, null, 2));
      }
      return apply(clientOf(options, context), wanted, { options, timing, context });
    }
    const client = clientOf(options, context);
    if (action === 'status') {
      const endpoint = await readAzureEndpoint(client, workspace, name);
      if (endpoint === undefined)
        throw badInput(`deploy azure: the endpoint ${name} must exist, got 404; check its name and --workspace`);
      return tell(endpoint, context);
    }
    const { deployment } = options;
    const isGone = await deleteAzure(
      client,
      workspace,
      { endpoint: name, ...(deployment !== undefined && { deployment }) },
      timing,
    );
    const what = deployment === undefined ? name : `${name}/${deployment}`;
    terminal.result({ name: what, deleted: isGone }, isGone ? `${what} is removed` : `There is no ${what}`);
  },
});

async function apply(
  client: PlatformClient,
  wanted: AzureWanted,
  {
    options,
    timing,
    context,
  }: { readonly options: AzureOptions; readonly timing: AzureTiming; readonly context: CommandContext },
): Promise<void> {
  const { endpoint: name } = wanted;
  const work = async (): Promise<void> => {
    const { endpoint, idle } = await applyAzureEndpoint(client, wanted, timing);
    const left: string[] = [];
    for (const deployment of idle) {
      if (options.removeOld) {
        timing.onStep(`deployment ${deployment}: removed`);
        await deleteAzure(client, wanted, { endpoint: name, deployment }, timing);
      } else left.push(deployment);
    }
    const kept = endpoint.deployments.filter((one) => !idle.includes(one.name) || left.includes(one.name));
    tell({ ...endpoint, deployments: kept }, context);
    if (left.length > 0)
      context.terminal.note(
        `${left.join(', ')} has no traffic and still costs; --remove-old removes it, and until then going back is one change`,
      );
  };
  await untilStopped(
    work,
    `deploy azure: stopped; requests go where they went before, and what Azure has taken of ${name} goes on there and costs: preftune deploy azure ${name} status says how far it is, the same command takes it up`,
  );
}

function tell({ name, state, scoringUrl, traffic, deployments }: AzureEndpoint, { terminal }: CommandContext): void {
  const base = scoringUrl === undefined ? null : `${new URL(scoringUrl).origin}/v1`;
  const value: JsonObject = {
    name,
    state,
    baseUrl: base,
    deployments: deployments.map((one) => ({ ...one, traffic: traffic[one.name] ?? 0 })),
  };
  terminal.result(
    value,
    [
      `${name}: ${state}`,
      ...deployments.map(
        (one) => `  ${one.name}: ${one.state}, ${one.instanceType}, ${traffic[one.name] ?? 0} % of the requests`,
      ),
      ...(base === null
        ? []
        : [`base URL ${base}, with the endpoint's key (az ml online-endpoint get-credentials --name ${name})`]),
    ].join('\n'),
  );
}

function wantedOf(
  options: AzureOptions,
  {
    name,
    workspace,
    context,
  }: {
    readonly name: string;
    readonly workspace: Pick<AzureWanted, 'subscription' | 'resourceGroup' | 'workspace'>;
    readonly context: CommandContext;
  },
): AzureWanted {
  const model = options.model!.replace(/^azureml:(?!\/\/)/, '');
  const { env, secrets } = wantedContainer(options, context.environment);
  return {
    ...options,
    ...workspace,
    deployment: options.deployment,
    endpoint: name,
    location: options.location!,
    image: options.image!,
    model,
    livenessRoute: '/health',
    readinessRoute: '/ready',
    env: { ...env, ...secrets },
  };
}

function wantedContainer(options: AzureOptions, environment: CommandContext['environment']): ContainerEnvironment {
  const model = (options.model ?? '').replace(/^azureml:(?!\/\/)/, '');
  return environmentOf(options, {
    // Azure's front end asks for the endpoint's key.
    fixed: { PREFTUNE_STORE: 'none', PREFTUNE_AUTH: 'upstream', PREFTUNE_MODEL_NAME: modelName(model) },
    environment,
  });
}

/** NAME of NAME:VERSION and of the ids that end with models/NAME/versions/VERSION. */
function modelName(model: string): string {
  return /\/models\/([^/]+)\/(?:versions|labels)\//.exec(model)?.[1] ?? model.split(':')[0]!;
}

/** What is printed has no keys: Azure has no secrets for containers, so the key of --forward is a variable like others. */
function withoutKeys(value: JsonValue, key: string | undefined): JsonValue {
  if (key === undefined) return value;
  return JSON.parse(JSON.stringify(value).replaceAll(JSON.stringify(key), '"***"')) as JsonValue;
}

function clientOf({ api, authority }: AzureOptions, { environment, signal }: CommandContext): PlatformClient {
  const token = azureTokens(environment, { api, authority, signal });
  return createPlatformClient({ api, token, signal, errorOf: azureError });
}

const NAME: NameRule = {
  pattern: /^[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]$/,
  says: '3 to 32 letters, digits and - inside, beginning with a letter',
};
const MODEL = /^(?:azureml:)?[\w.-]+:\w[\w.-]*$|^azureml:\/\/\S+$|^\/subscriptions\/\S+$/;

function problemsOf(
  options: AzureOptions,
  args: readonly string[],
  environment: CommandContext['environment'],
): readonly Problem[] {
  const { name, action } = endpointOf(args);
  const { deployment, model, yes } = options;
  const found = platformProblems(args, { yes, rule: NAME, deleted: `${deployment ?? name} is gone then` });
  found.name('deployment', '--deployment', deployment, NAME);
  if (options.subscription === undefined && environment['AZURE_SUBSCRIPTION_ID'] === undefined)
    found.fail('subscription', '--subscription is required, or AZURE_SUBSCRIPTION_ID; az account show has it');
  found.required(options, { resourceGroup: '', workspace: '' });
  if (action !== 'apply') return found.problems;
  found.required(options, { location: '', image: '', model: '' });
  if (model !== undefined && !MODEL.test(model))
    found.fail(
      'model',
      `--model must be NAME:VERSION of a registered model, or an id, got ${model}; az ml model create registers one`,
    );
  found.starting(options, ['modelMountPath', 'scoringRoute']);
  found.container(() => wantedContainer(options, environment));
  return found.problems;
}
