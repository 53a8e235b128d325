export { containerEnvironment, masked, type ContainerEnvironment, type ContainerOptions } from './container.ts';
export { deployFiles, DEPLOY_TARGETS, type DeployTarget } from './deploy-files.ts';
export {
  azurePlan,
  applyAzureEndpoint,
  deleteAzure,
  readAzureEndpoint,
  type AzureEndpoint,
  type AzureTiming,
} from './azure/azure-endpoint.ts';
export type { AzureWanted, AzureWorkspace } from './azure/azure-body.ts';
export { azureError } from './azure/azure-error.ts';
export { azureTokens } from './azure/azure-token.ts';
export { hfCreateBody, hfUpdateBody, type HfWanted } from './hf/hf-body.ts';
export {
  applyHfEndpoint,
  awaitHfEndpoint,
  deleteHfEndpoint,
  namespaceOfToken,
  readHfEndpoint,
  type HfEndpoint,
} from './hf/hf-endpoint.ts';
export { hfError } from './hf/hf-error.ts';
export { createPlatformClient, type PlatformClient, type TokenSource } from './platform-client.ts';
