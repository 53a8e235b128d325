import type { JsonObject } from '../../core/index.ts';
import type { ContainerEnvironment } from '../container.ts';

/** An endpoint as it is wanted. */
export interface HfWanted {
  readonly name: string;
  readonly namespace: string;
  /** Hub id of the model; it is mounted at /repository. */
  readonly model: string;
  readonly revision: string | undefined;
  readonly image: string;
  readonly port: number;
  readonly healthRoute: string;
  readonly vendor: string;
  readonly region: string;
  readonly accelerator: string;
  readonly instanceType: string;
  readonly instanceSize: string;
  readonly minReplica: number;
  readonly maxReplica: number;
  readonly scaleToZeroMinutes: number | undefined;
  readonly access: 'authenticated' | 'public' | 'private';
  readonly container: ContainerEnvironment;
}

/**
 * What an endpoint consists of, as `PUT /v2/endpoint/{namespace}/{name}` takes it.
 * Source: huggingface_hub 1.x, `HfApi.update_inference_endpoint` and the API's union of images (`custom`: url, port, healthRoute).
 */
export function hfUpdateBody(wanted: HfWanted): JsonObject {
  const { model, revision, image, port, healthRoute, container } = wanted;
  return {
    compute: {
      accelerator: wanted.accelerator,
      instanceType: wanted.instanceType,
      instanceSize: wanted.instanceSize,
      scaling: {
        minReplica: wanted.minReplica,
        maxReplica: wanted.maxReplica,
        // Nothing said would keep what an update before this one has said.
        scaleToZeroTimeout: wanted.scaleToZeroMinutes ?? null,
      },
    },
    model: {
      repository: model,
      ...(revision !== undefined && { revision }),
      framework: 'custom',
      task: 'text-generation',
      image: { custom: { url: image, port, healthRoute } },
      env: { ...container.env },
      ...(Object.keys(container.secrets).length > 0 && { secrets: { ...container.secrets } }),
    },
  };
}

/** What `POST /v2/endpoint/{namespace}` takes. Source: `HfApi.create_inference_endpoint`. */
export function hfCreateBody(wanted: HfWanted): JsonObject {
  return {
    name: wanted.name,
    type: wanted.access,
    provider: { vendor: wanted.vendor, region: wanted.region },
    ...hfUpdateBody(wanted),
  };
}
