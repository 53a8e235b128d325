import { createHash } from 'node:crypto';
import { canonicalJson, type JsonObject } from '../../core/index.ts';

/** Where a workspace is. */
export interface AzureWorkspace {
  readonly subscription: string;
  readonly resourceGroup: string;
  readonly workspace: string;
}

/** An endpoint and the deployment that it is to have. */
export interface AzureWanted extends AzureWorkspace {
  readonly endpoint: string;
  /** Undefined: named after what it consists of, so that a change makes another one beside it. */
  readonly deployment: string | undefined;
  readonly location: string;
  readonly image: string;
  /** NAME:VERSION of the workspace, or an asset's id: azureml://..., /subscriptions/... */
  readonly model: string;
  readonly port: number;
  readonly modelMountPath: string;
  readonly scoringRoute: string;
  readonly livenessRoute: string;
  readonly readinessRoute: string;
  readonly instanceType: string;
  readonly instances: number;
  readonly env: Readonly<Record<string, string>>;
  /** How long the container may take to load the model. */
  readonly startMinutes: number;
  readonly requestSeconds: number;
  readonly concurrent: number;
}

export function workspacePath({ subscription, resourceGroup, workspace }: AzureWorkspace): string {
  return `/subscriptions/${encodeURIComponent(subscription)}/resourceGroups/${encodeURIComponent(resourceGroup)}/providers/Microsoft.MachineLearningServices/workspaces/${encodeURIComponent(workspace)}`;
}

const digestOf = (value: JsonObject): string =>
  createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 10);

export const ENVIRONMENT_NAME = 'preftune-serve';

/**
 * The environment: an image and its routes. A version of one never changes, so its name is a digest.
 * Source: Microsoft.MachineLearningServices 2024-10-01, EnvironmentVersion, InferenceContainerProperties.
 */
export function environmentBody(wanted: AzureWanted): { readonly version: string; readonly body: JsonObject } {
  const { image, port, livenessRoute, readinessRoute, scoringRoute } = wanted;
  const properties = {
    image,
    osType: 'Linux',
    inferenceConfig: {
      livenessRoute: { path: livenessRoute, port },
      readinessRoute: { path: readinessRoute, port },
      scoringRoute: { path: scoringRoute, port },
    },
  };
  return { version: digestOf(properties), body: { properties } };
}

/** Source: the same, OnlineEndpoint. */
export function endpointBody(
  { location }: Pick<AzureWanted, 'location'>,
  traffic: Readonly<Record<string, number>>,
): JsonObject {
  return {
    location,
    identity: { type: 'SystemAssigned' },
    properties: { authMode: 'Key', publicNetworkAccess: 'Enabled', traffic: { ...traffic } },
  };
}

/** The deployment and its name. Source: the same, ManagedOnlineDeployment. */
export function deploymentBody(
  wanted: AzureWanted,
  environmentVersion: string,
): { readonly name: string; readonly body: JsonObject } {
  const base = workspacePath(wanted);
  const match = /^([\w.-]+):(\w[\w.-]*)$/.exec(wanted.model);
  const body = {
    location: wanted.location,
    sku: { name: 'Default', tier: 'Standard', capacity: wanted.instances },
    properties: {
      endpointComputeType: 'Managed',
      environmentId: `${base}/environments/${ENVIRONMENT_NAME}/versions/${environmentVersion}`,
      environmentVariables: { ...wanted.env },
      model: match === null ? wanted.model : `${base}/models/${match[1]}/versions/${match[2]}`,
      modelMountPath: wanted.modelMountPath,
      instanceType: wanted.instanceType,
      scaleSettings: { scaleType: 'Default' },
      requestSettings: {
        requestTimeout: `PT${wanted.requestSeconds}S`,
        maxConcurrentRequestsPerInstance: wanted.concurrent,
      },
      // Alive is a process that listens, which it does while it loads; ready is one whose models answer.
      livenessProbe: probe({ initialDelay: 'PT30S', failureThreshold: 30 }),
      readinessProbe: probe({ initialDelay: 'PT10S', failureThreshold: wanted.startMinutes * 6 }),
    },
  };
  return { name: wanted.deployment ?? `v-${digestOf(body)}`, body };
}

function probe(more: { readonly initialDelay: string; readonly failureThreshold: number }): JsonObject {
  return { ...more, period: 'PT10S', timeout: 'PT5S', successThreshold: 1 };
}
