import { z } from 'zod';
import { isObject, runFailed, type JsonObject, type JsonValue } from '../../core/index.ts';
import type { PlatformAnswer, PlatformClient } from '../platform-client.ts';
import {
  deploymentBody,
  endpointBody,
  ENVIRONMENT_NAME,
  environmentBody,
  workspacePath,
  type AzureWanted,
  type AzureWorkspace,
} from './azure-body.ts';
import { awaitOperation, stateOf } from './azure-operation.ts';

/** As the API is spoken here. Source: azure-rest-api-specs, stable/2024-10-01. */
export const AZURE_API_VERSION = '2024-10-01';

export interface AzureTiming {
  readonly pollMs: number;
  readonly waitMs: number;
  /** Each step as it begins. */
  readonly onStep: (text: string) => void;
}

/** An endpoint as it stands. */
export interface AzureEndpoint {
  readonly name: string;
  readonly state: string;
  readonly scoringUrl: string | undefined;
  /** Percent of the requests by deployment. */
  readonly traffic: Readonly<Record<string, number>>;
  readonly deployments: readonly { readonly name: string; readonly state: string; readonly instanceType: string }[];
}

export interface AzureApplied {
  readonly deployment: string;
  readonly endpoint: AzureEndpoint;
  /** Deployments that have no traffic any more, and still cost. */
  readonly idle: readonly string[];
}

const ENDPOINT = z.looseObject({
  name: z.string().optional(),
  location: z.string(),
  identity: z.looseObject({}).optional(),
  tags: z.record(z.string(), z.string()).nullish(),
  properties: z.looseObject({
    authMode: z.string(),
    description: z.string().nullish(),
    publicNetworkAccess: z.string().nullish(),
    scoringUri: z.string().nullish(),
    traffic: z.record(z.string(), z.number()).nullish(),
  }),
});

const DEPLOYMENTS = z.looseObject({
  value: z.array(
    z.looseObject({ name: z.string(), properties: z.looseObject({ instanceType: z.string().nullish() }) }),
  ),
});

const withVersion = (path: string): string => `${path}?api-version=${AZURE_API_VERSION}`;

function pathsOf(workspace: AzureWorkspace, endpoint: string) {
  const base = workspacePath(workspace);
  const own = `${base}/onlineEndpoints/${encodeURIComponent(endpoint)}`;
  return {
    base,
    endpoint: withVersion(own),
    deployments: withVersion(`${own}/deployments`),
    deployment: (name: string) => withVersion(`${own}/deployments/${encodeURIComponent(name)}`),
    logs: (name: string) => withVersion(`${own}/deployments/${encodeURIComponent(name)}/getLogs`),
  };
}

/** The three resources as they would be sent. */
export function azurePlan(wanted: AzureWanted): {
  readonly deployment: string;
  readonly requests: readonly JsonObject[];
} {
  const paths = pathsOf(wanted, wanted.endpoint);
  const environment = environmentBody(wanted);
  const { name, body } = deploymentBody(wanted, environment.version);
  return {
    deployment: name,
    requests: [
      {
        put: withVersion(`${paths.base}/environments/${ENVIRONMENT_NAME}/versions/${environment.version}`),
        body: environment.body,
      },
      { put: paths.endpoint, body: endpointBody(wanted, {}) },
      { put: paths.deployment(name), body },
      { put: paths.endpoint, body: endpointBody(wanted, { [name]: 100 }) },
    ],
  };
}

/**
 * Makes the environment, the endpoint and the deployment, each where it is not there as wanted, and then sends all requests to the deployment. Until then, and where
 * anything fails, those before it go on answering. The same call again takes up where one was stopped.
 */
export async function applyAzureEndpoint(
  client: PlatformClient,
  wanted: AzureWanted,
  timing: AzureTiming,
): Promise<AzureApplied> {
  const { onStep } = timing;
  const paths = pathsOf(wanted, wanted.endpoint);
  const environment = environmentBody(wanted);
  const environmentPath = withVersion(`${paths.base}/environments/${ENVIRONMENT_NAME}/versions/${environment.version}`);
  const { name, body } = deploymentBody(wanted, environment.version);
  const settle = (
    what: string,
    resource: string,
    answer: PlatformAnswer,
    log?: () => Promise<string | undefined>,
  ): Promise<void> =>
    awaitOperation(client, answer, {
      what,
      resource,
      pollMs: timing.pollMs,
      waitMs: timing.waitMs,
      ...(log && { log }),
    });

  onStep(`environment ${ENVIRONMENT_NAME}:${environment.version}`);
  const known = await client.ask('GET', environmentPath, { tolerated: [404] });
  if (known.status === 404) await client.ask('PUT', environmentPath, { body: environment.body });

  const there = await client.ask('GET', paths.endpoint, { tolerated: [404] });
  if (there.status === 404) {
    onStep(`endpoint ${wanted.endpoint}: created; this takes a minute or two`);
    const answer = await client.ask('PUT', paths.endpoint, { body: endpointBody(wanted, {}) });
    await settle(`the endpoint ${wanted.endpoint}`, paths.endpoint, answer);
  } else requireReady(wanted.endpoint, there.body);

  const before = await client.ask('GET', paths.deployment(name), { tolerated: [404] });
  const isThere = before.status !== 404 && stateOf(before.body) === 'succeeded' && wanted.deployment === undefined;
  if (isThere) onStep(`deployment ${name}: there already`);
  else {
    onStep(`deployment ${name}: ${before.status === 404 ? 'created' : 'updated'}; this takes 5 to 20 minutes`);
    const answer = await client.ask('PUT', paths.deployment(name), { body });
    await settle(`the deployment ${name}`, paths.deployment(name), answer, () => logOf(client, paths.logs(name)));
  }

  const current = ENDPOINT.parse((await client.ask('GET', paths.endpoint)).body);
  const traffic = current.properties.traffic ?? {};
  if (traffic[name] !== 100) {
    onStep(`traffic: all to ${name}`);
    const answer = await client.ask('PUT', paths.endpoint, { body: withTraffic(current, name) });
    await settle(`the traffic of ${wanted.endpoint}`, paths.endpoint, answer);
  }
  const endpoint = await readAzureEndpoint(client, wanted, wanted.endpoint);
  if (endpoint === undefined)
    throw runFailed(`deploy azure: ${wanted.endpoint} must stay, got 404; somebody removed it`);
  return {
    deployment: name,
    endpoint,
    idle: endpoint.deployments
      .map((one) => one.name)
      .filter((one) => one !== name && (endpoint.traffic[one] ?? 0) === 0),
  };
}

export async function readAzureEndpoint(
  client: PlatformClient,
  workspace: AzureWorkspace,
  name: string,
): Promise<AzureEndpoint | undefined> {
  const paths = pathsOf(workspace, name);
  const { status, body } = await client.ask('GET', paths.endpoint, { tolerated: [404] });
  if (status === 404) return undefined;
  const { properties } = ENDPOINT.parse(body);
  const { value } = DEPLOYMENTS.parse((await client.ask('GET', paths.deployments)).body);
  return {
    name,
    state: stateOf(body),
    scoringUrl: properties.scoringUri ?? undefined,
    traffic: properties.traffic ?? {},
    deployments: value.map((one) => ({
      name: one.name,
      state: stateOf(one as unknown as JsonValue),
      instanceType: one.properties.instanceType ?? '',
    })),
  };
}

/** Removes one deployment, or the endpoint with all that it has. Gives whether there was one. */
export async function deleteAzure(
  client: PlatformClient,
  workspace: AzureWorkspace,
  { endpoint, deployment }: { readonly endpoint: string; readonly deployment?: string },
  timing: AzureTiming,
): Promise<boolean> {
  const paths = pathsOf(workspace, endpoint);
  const path = deployment === undefined ? paths.endpoint : paths.deployment(deployment);
  const answer = await client.ask('DELETE', path, { tolerated: [404] });
  if (answer.status === 404) return false;
  if (answer.status !== 202) return true;
  const what = `the removal of ${deployment ?? endpoint}`;
  const { pollMs, waitMs } = timing;
  const hasPlace = answer.headers.has('azure-asyncoperation') || answer.headers.has('location');
  if (hasPlace) await awaitOperation(client, answer, { what, resource: path, pollMs, waitMs });
  return true;
}

/** The endpoint as it is, with all requests going to one deployment. Fields that only the platform writes are left out. */
function withTraffic({ location, identity, tags, properties }: z.output<typeof ENDPOINT>, name: string): JsonObject {
  const { authMode, description, publicNetworkAccess } = properties;
  // Ids in an identity are the platform's to write.
  const { type, userAssignedIdentities } = (identity ?? { type: 'SystemAssigned' }) as Record<string, JsonValue>;
  const users = isObject(userAssignedIdentities) ? Object.keys(userAssignedIdentities) : [];
  return {
    location,
    identity: {
      type: type!,
      ...(users.length > 0 && { userAssignedIdentities: Object.fromEntries(users.map((id) => [id, {}])) }),
    },
    ...(tags !== undefined && tags !== null && { tags }),
    properties: {
      authMode,
      ...(typeof description === 'string' && { description }),
      ...(typeof publicNetworkAccess === 'string' && { publicNetworkAccess }),
      traffic: { [name]: 100 },
    },
  };
}

function requireReady(name: string, body: JsonValue): void {
  const state = stateOf(body);
  if (state === 'succeeded') return;
  throw runFailed(
    `deploy azure: the endpoint ${name} must be at rest, got ${state}; ${state === 'failed' ? 'delete it, then run the same command again' : 'wait until the change ends, then run the same command again'}`,
  );
}

const LOG_LINES = 40;

async function logOf(client: PlatformClient, path: string): Promise<string | undefined> {
  const { body } = await client.ask('POST', path, { body: { containerType: 'InferenceServer', tail: LOG_LINES } });
  return isObject(body) && typeof body['content'] === 'string' ? body['content'].slice(-6000) : undefined;
}
