import { z } from 'zod';
import { startStub, unfit, type Stub } from './stub-server.ts';

/** What the API takes, by huggingface_hub's client and its documentation: unknown fields are refused here. */
const COMPUTE = z.strictObject({
  accelerator: z.enum(['cpu', 'gpu', 'neuron', 'tpu']),
  instanceType: z.string(),
  instanceSize: z.string().regex(/^x\d+$/),
  scaling: z.strictObject({
    minReplica: z.int().min(0),
    maxReplica: z.int().min(1),
    scaleToZeroTimeout: z.int().min(1).nullish(),
    measure: z.record(z.string(), z.number()).optional(),
  }),
});
const TEXTS = z.record(z.string(), z.string());
const MODEL = z.strictObject({
  repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  revision: z.string().nullish(),
  framework: z.enum(['custom', 'pytorch', 'llamacpp']),
  task: z.string().optional(),
  image: z.strictObject({
    custom: z.strictObject({
      url: z.string(),
      port: z.int().optional(),
      healthRoute: z.string().startsWith('/').optional(),
      credentials: z.strictObject({ username: z.string(), password: z.string() }).optional(),
    }),
  }),
  env: TEXTS.optional(),
  secrets: TEXTS.optional(),
  command: z.array(z.string()).optional(),
  args: z.array(z.string()).optional(),
});
const CREATE = z.strictObject({
  name: z.string().max(32),
  type: z.enum(['public', 'protected', 'authenticated', 'private']),
  provider: z.strictObject({ vendor: z.string(), region: z.string() }),
  compute: COMPUTE,
  model: MODEL,
});
const UPDATE = z.strictObject({ compute: COMPUTE.partial().optional(), model: MODEL.partial().optional() });

export const HF_TOKEN = 'hf_stubstubstubstubstubstub';

export interface HfStub extends Stub {
  readonly endpoints: Map<string, Record<string, unknown>>;
  /** States that the next looks find, one after the other; the last one stays. */
  states: string[];
  /** What a failed state says. */
  message: string;
}

/** The Inference Endpoints API, one hub's whoami, and the endpoints themselves (their health), on this machine. */
export async function startHfStub(): Promise<HfStub> {
  const endpoints = new Map<string, Record<string, unknown>>();
  const raw = (namespace: string, name: string, url: string): Record<string, unknown> => {
    const { model, ...rest } = endpoints.get(`${namespace}/${name}`)!;
    const state = hf.states.length > 1 ? hf.states.shift()! : hf.states[0]!;
    const { secrets: _, ...shown } = model as Record<string, unknown>;
    return {
      ...rest,
      model: { ...shown, revision: 'abc' },
      accountId: null,
      healthRoute: '/ready',
      status: {
        createdAt: '2026-10-26T12:41:53.263Z',
        createdBy: { id: '1', name: namespace },
        updatedAt: '2026-10-26T12:41:53.263Z',
        updatedBy: { id: '1', name: namespace },
        private: null,
        state,
        message: state === 'failed' ? hf.message : '',
        ...(state === 'running' && { url: `${url}/deployed/${name}` }),
        readyReplica: state === 'running' ? 1 : 0,
        targetReplica: 1,
      },
    };
  };
  const stub = await startStub(({ method, path, headers, body }, url) => {
    if (path.startsWith('/deployed/')) return { status: path.endsWith('/ready') ? 200 : 404 };
    if (headers.authorization !== `Bearer ${HF_TOKEN}`) return { status: 401, body: { error: 'Invalid credentials' } };
    if (path === '/api/whoami-v2') return { status: 200, body: { type: 'user', name: 'ann' } };
    const [, namespace, name, verb] = /^\/v2\/endpoint\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? [];
    if (namespace !== 'ann') return { status: 404, body: { error: `Namespace ${namespace} not found` } };
    if (method === 'POST' && name === undefined) {
      const wrong = unfit(CREATE, body);
      if (wrong !== undefined) return wrong;
      const wanted = body as { readonly name: string };
      const key = `${namespace}/${wanted.name}`;
      if (endpoints.has(key)) return { status: 409, body: { error: 'Endpoint already exists' } };
      endpoints.set(key, wanted as unknown as Record<string, unknown>);
      return { status: 202, body: raw(namespace, wanted.name, url) };
    }
    const key = `${namespace}/${name}`;
    const there = endpoints.get(key);
    if (there === undefined) return { status: 404, body: { error: 'Endpoint not found' } };
    if (method === 'POST' && verb === 'resume') {
      hf.states = ['initializing', 'running'];
      return { status: 200, body: raw(namespace, name!, url) };
    }
    if (verb !== undefined) return { status: 404, body: { error: 'Not found' } };
    if (method === 'DELETE') {
      endpoints.delete(key);
      return { status: 200, body: {} };
    }
    if (method === 'PUT') {
      const wrong = unfit(UPDATE, body);
      if (wrong !== undefined) return wrong;
      // What an update leaves out stays.
      const { compute, model } = body as { readonly compute?: object; readonly model?: object };
      endpoints.set(key, {
        ...there,
        compute: { ...(there['compute'] as object), ...compute },
        model: { ...(there['model'] as object), ...model },
      });
    }
    return { status: 200, body: raw(namespace, name!, url) };
  });
  const hf: HfStub = Object.assign(stub, { endpoints, states: ['running'], message: '' });
  return hf;
}
