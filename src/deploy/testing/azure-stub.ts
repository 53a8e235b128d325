import { z } from 'zod';
import { startStub, type Stub, type StubAnswer } from './stub-server.ts';

/** Bodies by azure-rest-api-specs, stable/2024-10-01 (mfe.json and its examples): unknown fields are refused here. */
const DURATION = z.string().regex(/^PT(?:\d+[HMS])+$/);
const ROUTE = z.strictObject({ path: z.string().startsWith('/'), port: z.int() });
const ENVIRONMENT = z.strictObject({
  properties: z.strictObject({
    image: z.string(),
    osType: z.enum(['Linux', 'Windows']),
    inferenceConfig: z.strictObject({ livenessRoute: ROUTE, readinessRoute: ROUTE, scoringRoute: ROUTE }),
    description: z.string().optional(),
  }),
});
const IDENTITY = z.strictObject({
  type: z.enum(['SystemAssigned', 'UserAssigned', 'SystemAssigned,UserAssigned', 'None']),
  userAssignedIdentities: z.record(z.string(), z.strictObject({})).optional(),
});
const ENDPOINT = z.strictObject({
  location: z.string(),
  identity: IDENTITY,
  tags: z.record(z.string(), z.string()).optional(),
  properties: z.strictObject({
    authMode: z.enum(['Key', 'AMLToken', 'AADToken']),
    description: z.string().optional(),
    publicNetworkAccess: z.enum(['Enabled', 'Disabled']).optional(),
    traffic: z.record(z.string(), z.int().min(0).max(100)).optional(),
  }),
});
const PROBE = z.strictObject({
  initialDelay: DURATION,
  period: DURATION,
  timeout: DURATION,
  failureThreshold: z.int().min(1),
  successThreshold: z.int().min(1),
});
const DEPLOYMENT = z.strictObject({
  location: z.string(),
  sku: z.strictObject({ name: z.string(), tier: z.enum(['Free', 'Basic', 'Standard', 'Premium']), capacity: z.int() }),
  properties: z.strictObject({
    endpointComputeType: z.literal('Managed'),
    environmentId: z.string().startsWith('/subscriptions/'),
    environmentVariables: z.record(z.string(), z.string()),
    model: z.string(),
    modelMountPath: z.string().startsWith('/'),
    instanceType: z.string(),
    scaleSettings: z.strictObject({ scaleType: z.enum(['Default', 'TargetUtilization']) }),
    requestSettings: z.strictObject({ requestTimeout: DURATION, maxConcurrentRequestsPerInstance: z.int() }),
    livenessProbe: PROBE,
    readinessProbe: PROBE,
  }),
});

export const AZURE_TOKEN = 'azure-token-of-the-stub';
export const WORKSPACE_PATH =
  '/subscriptions/sub-1/resourceGroups/group/providers/Microsoft.MachineLearningServices/workspaces/space';

export interface AzureStub extends Stub {
  readonly resources: Map<string, Record<string, unknown>>;
  /** What an operation on a path that ends so is told to have failed with. */
  failing: { readonly path: RegExp; readonly error: unknown } | undefined;
  /** Looks that an operation takes. */
  looks: number;
  /** How a change is followed: as most of Azure, as some of it, or by the resource alone. */
  follows: 'azure-asyncoperation' | 'location' | 'resource';
  /** Tokens that are good; the first is given to client credentials. */
  tokens: string[];
}

interface Operation {
  left: number;
  readonly path: string;
  readonly error: unknown;
}

/** Azure's management API, as far as online endpoints need it, and its token service, on this machine. */
export async function startAzureStub(): Promise<AzureStub> {
  const resources = new Map<string, Record<string, unknown>>();
  const operations = new Map<string, Operation>();

  /** A change that takes some looks. */
  const begin = (path: string, url: string, status: number): StubAnswer => {
    const id = `op${operations.size + 1}`;
    const isFailing = azure.failing?.path.test(path) === true;
    operations.set(id, { left: azure.looks, path, error: isFailing ? azure.failing!.error : undefined });
    const place = `${url}/subscriptions/sub-1/providers/Microsoft.MachineLearningServices/locations/here/mfeOperationsStatus/${id}?api-version=2024-10-01`;
    const resource = resources.get(path);
    return {
      status,
      headers: { 'retry-after': '0', ...(azure.follows === 'resource' ? {} : { [azure.follows]: place }) },
      ...(resource !== undefined && { body: shown(path, resource, 'Updating') }),
    };
  };
  /** A look at an operation; what it has become stands in the resource. */
  const look = (operation: Operation): 'InProgress' | 'Succeeded' | 'Failed' => {
    if (operation.left-- > 0) return 'InProgress';
    const state = operation.error === undefined ? 'Succeeded' : 'Failed';
    const resource = resources.get(operation.path);
    if (resource !== undefined) resource['state'] = state;
    return state;
  };
  const stub = await startStub(({ method, path, query, headers, body, text }, url) => {
    if (path === '/tenant-1/oauth2/v2.0/token') {
      const form = new URLSearchParams(text);
      const isRight =
        form.get('grant_type') === 'client_credentials' &&
        form.get('client_id') === 'client-1' &&
        form.get('client_secret') === 'the-secret' &&
        form.get('scope') === `${url}/.default`;
      return isRight
        ? { status: 200, body: { token_type: 'Bearer', expires_in: 3599, access_token: azure.tokens.at(-1) } }
        : {
            status: 401,
            body: { error: 'invalid_client', error_description: 'AADSTS7000215: Invalid client secret.' },
          };
    }
    if (!azure.tokens.some((token) => headers.authorization === `Bearer ${token}`))
      return { status: 401, body: { error: { code: 'ExpiredAuthenticationToken', message: 'The token expired.' } } };
    if (query.get('api-version') !== '2024-10-01')
      return { status: 400, body: { error: { code: 'MissingApiVersionParameter', message: 'api-version' } } };
    const operation = operations.get(/mfeOperationsStatus\/(\w+)$/.exec(path)?.[1] ?? '');
    if (operation !== undefined) {
      const status = look(operation);
      if (azure.follows === 'location')
        return status === 'InProgress'
          ? { status: 202, headers: { 'retry-after': '0' } }
          : { status: 200, body: shown(operation.path, resources.get(operation.path) ?? {}) };
      return { status: 200, body: { status, ...(status === 'Failed' && { error: operation.error }) } };
    }
    if (!path.startsWith(`${WORKSPACE_PATH}/`))
      return {
        status: 404,
        body: { error: { code: 'ResourceGroupNotFound', message: "Resource group 'x' could not be found." } },
      };
    if (method === 'POST' && path.endsWith('/getLogs')) {
      const { containerType, tail } = body as { readonly containerType: string; readonly tail: number };
      return { status: 200, body: { content: `${containerType} ${tail}\nno model at /models` } };
    }
    if (method === 'DELETE') {
      if (!resources.delete(path)) return { status: 404, body: { error: { code: 'NotFound', message: path } } };
      return begin(path, url, 202);
    }
    if (method === 'PUT') {
      const schema = path.includes('/environments/')
        ? ENVIRONMENT
        : path.includes('/deployments/')
          ? DEPLOYMENT
          : ENDPOINT;
      const result = schema.safeParse(body);
      if (!result.success) {
        const details = result.error.issues.map((issue) => ({
          code: 'x',
          target: issue.path.join('.'),
          message: issue.message,
        }));
        return { status: 400, body: { error: { code: 'BadArgument', message: 'The request is invalid.', details } } };
      }
      const traffic = (body as { readonly properties: { readonly traffic?: object } }).properties.traffic ?? {};
      const unknown = Object.keys(traffic).find(
        (name) => resources.get(`${path}/deployments/${name}`)?.['state'] !== 'Succeeded',
      );
      if (unknown !== undefined)
        return { status: 400, body: { error: { code: 'BadArgument', message: `traffic names ${unknown}` } } };
      const isNew = !resources.has(path);
      resources.set(path, { ...(body as object), state: path.includes('/environments/') ? 'Succeeded' : 'Updating' });
      return path.includes('/environments/')
        ? { status: 201, body: shown(path, resources.get(path)!) }
        : begin(path, url, isNew ? 201 : 200);
    }
    if (path.endsWith('/deployments')) {
      const value = [...resources].filter(([key]) => key.startsWith(`${path}/`)).map(([key, one]) => shown(key, one));
      return { status: 200, body: { value, nextLink: null } };
    }
    const resource = resources.get(path);
    if (resource === undefined)
      return { status: 404, body: { error: { code: 'NotFound', message: `${path} not found` } } };
    if (azure.follows === 'resource') for (const one of operations.values()) if (one.path === path) look(one);
    return { status: 200, body: shown(path, resource) };
  });
  const azure: AzureStub = Object.assign(stub, {
    resources,
    failing: undefined,
    looks: 2,
    follows: 'azure-asyncoperation' as const,
    tokens: [AZURE_TOKEN],
  });
  return azure;
}

/** A resource as the API gives it, with what it adds. */
function shown(path: string, { state, ...resource }: Record<string, unknown>, now?: string): unknown {
  return {
    ...resource,
    id: path,
    name: path.split('/').at(-1),
    systemData: { createdBy: 'stub' },
    ...(resource['identity'] !== undefined && {
      identity: { ...(resource['identity'] as object), principalId: '1', tenantId: '2' },
    }),
    properties: {
      ...(resource['properties'] as object),
      provisioningState: now ?? state,
      ...(/onlineEndpoints\/[^/]+$/.test(path) && { scoringUri: 'https://chat.here.inference.ml.azure.com/' }),
    },
  };
}
