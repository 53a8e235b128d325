import { z } from 'zod';
import { badInput, PreftuneError, runFailed, type JsonValue } from '../../core/index.ts';
import type { PlatformClient } from '../platform-client.ts';
import { hfCreateBody, hfUpdateBody, type HfWanted } from './hf-body.ts';

const ENDPOINT = z.looseObject({
  name: z.string(),
  type: z.string().optional(),
  healthRoute: z.string().nullish(),
  provider: z.looseObject({ vendor: z.string(), region: z.string() }).optional(),
  status: z.looseObject({
    state: z.string(),
    message: z.string().nullish(),
    url: z.string().nullish(),
    readyReplica: z.number().nullish(),
    targetReplica: z.number().nullish(),
  }),
});

/** An endpoint as it stands. */
export interface HfEndpoint {
  readonly name: string;
  readonly namespace: string;
  /** pending, initializing, updating, updateFailed, running, paused, failed, scaledToZero. */
  readonly state: string;
  readonly message: string;
  readonly url: string | undefined;
  readonly access: string | undefined;
  readonly provider: { readonly vendor: string; readonly region: string } | undefined;
  readonly healthRoute: string | undefined;
  readonly replicas: string;
}

export interface HfWatch {
  /** Called when the state changes. */
  readonly onState: (endpoint: HfEndpoint) => void;
  readonly pollMs: number;
  readonly waitMs: number;
  /** Asks the endpoint itself for its health; undefined where it cannot be reached from here. */
  readonly isHealthy?: (url: string) => Promise<boolean>;
}

const pathOf = (namespace: string, name?: string): string =>
  `/endpoint/${encodeURIComponent(namespace)}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;

export async function readHfEndpoint(
  client: PlatformClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<HfEndpoint | undefined> {
  const { status, body } = await client.ask('GET', pathOf(namespace, name), { tolerated: [404] });
  return status === 404 ? undefined : endpointOf(body, namespace);
}

/** Creates the endpoint, or makes it what is wanted; a paused one is started. Resolves before it runs. */
export async function applyHfEndpoint(
  client: PlatformClient,
  wanted: HfWanted,
): Promise<{ readonly did: 'created' | 'updated'; readonly endpoint: HfEndpoint }> {
  const { namespace, name } = wanted;
  const there = await readHfEndpoint(client, wanted);
  if (there === undefined) {
    const { body } = await client.ask('POST', pathOf(namespace), { body: hfCreateBody(wanted) });
    return { did: 'created', endpoint: endpointOf(body, namespace) };
  }
  requireSame(there, wanted);
  const { body } = await client.ask('PUT', pathOf(namespace, name), { body: hfUpdateBody(wanted) });
  const endpoint = endpointOf(body, namespace);
  if (endpoint.state !== 'paused') return { did: 'updated', endpoint };
  const resumed = await client.ask('POST', `${pathOf(namespace, name)}/resume`, {});
  return { did: 'updated', endpoint: endpointOf(resumed.body, namespace) };
}

/** Waits until the endpoint answers. Throws run-failed where it failed or took too long; it stays as it is then. */
export async function awaitHfEndpoint(
  client: PlatformClient,
  first: HfEndpoint,
  { onState, pollMs, waitMs, isHealthy }: HfWatch,
): Promise<HfEndpoint> {
  const began = performance.now();
  const { namespace, name } = first;
  const page = `https://endpoints.huggingface.co/${namespace}/endpoints/${name}`;
  let [endpoint, told, settled] = [first, '', 0];
  for (;;) {
    const { state, message, replicas, url } = endpoint;
    const now = `${state} ${replicas} ${message}`;
    if (now !== told) onState(endpoint);
    told = now;
    if (state === 'failed' || state === 'updateFailed')
      throw runFailed(
        `deploy hf: ${namespace}/${name} must start, got ${state}${message === '' ? '' : `: ${message}`}; read ${page}/logs: mostly the port or health route is another than the container's, or memory is too small; then run the same command again`,
      );
    const isUp = state === 'running' && url !== undefined && (isHealthy === undefined || (await isHealthy(url)));
    // Right after a change the old state may still be told: twice in a row counts.
    settled = isUp || state === 'scaledToZero' ? settled + 1 : 0;
    if (settled >= 2) return endpoint;
    if (performance.now() - began > waitMs)
      throw runFailed(
        `deploy hf: ${namespace}/${name} must answer within ${Math.round(waitMs / 60_000)} minutes, got ${state}${message === '' ? '' : `: ${message}`}; it goes on starting: look with the word status, or read ${page}/logs`,
      );
    await client.pause(pollMs);
    const next = await readHfEndpoint(client, first);
    if (next === undefined)
      throw runFailed(`deploy hf: ${namespace}/${name} must stay, got 404; somebody removed it while it started`);
    endpoint = next;
  }
}

/** Whether there was one to remove. */
export async function deleteHfEndpoint(
  client: PlatformClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<boolean> {
  const { status } = await client.ask('DELETE', pathOf(namespace, name), { tolerated: [404] });
  return status !== 404;
}

/** The namespace of a token. Source: the hub's /api/whoami-v2. */
export async function namespaceOfToken(hub: PlatformClient): Promise<string> {
  const { body } = await hub.ask('GET', '/api/whoami-v2');
  const parsed = z.looseObject({ name: z.string(), type: z.string() }).safeParse(body);
  if (parsed.success && parsed.data.type === 'user') return parsed.data.name;
  throw badInput({
    path: 'namespace',
    message: '--namespace must be given: the token is not of one user; name a user or an organization',
  });
}

function endpointOf(body: JsonValue, namespace: string): HfEndpoint {
  const parsed = ENDPOINT.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new PreftuneError(
      'run-failed',
      `deploy hf: the API must answer with an endpoint, got ${issue!.path.join('.')}: ${issue!.message}; see whether --api is right`,
    );
  }
  const { name, type, provider, healthRoute, status } = parsed.data;
  return {
    name,
    namespace,
    state: status.state,
    message: status.message ?? '',
    url: status.url ?? undefined,
    access: type,
    provider: provider && { vendor: provider.vendor, region: provider.region },
    healthRoute: healthRoute ?? undefined,
    replicas: `${status.readyReplica ?? 0} of ${status.targetReplica ?? 0}`,
  };
}

/** What an endpoint cannot change: where it runs; and what must not change unseen: who may ask. */
function requireSame({ provider, access }: HfEndpoint, wanted: HfWanted): void {
  const { name, vendor, region } = wanted;
  if (provider !== undefined && (provider.vendor !== vendor || provider.region !== region))
    throw badInput(
      `deploy hf: ${name} must stay where it is, ${provider.vendor} ${provider.region}, got ${vendor} ${region}; name another endpoint, or delete this one first`,
    );
  // Before 2026 the hub called it protected.
  const known = access === 'protected' ? 'authenticated' : access;
  if (known !== undefined && known !== wanted.access)
    throw badInput(
      `deploy hf: --access must be ${known}, as ${name} has it, got ${wanted.access}; who may ask decides whether the container asks for a key. Name another endpoint, or delete this one first`,
    );
}
