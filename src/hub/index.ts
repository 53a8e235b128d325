export { CONVERTED_REVISION, openHubDataset, type HubDataset } from './hub-dataset.ts';
export { createHubHash, hashFile } from './hub-digest.ts';
export { parseHubId, type DataSelection, type HubId } from './hub-files.ts';
export type { HubConnection } from './hub-http.ts';
export { readHubSettings } from './hub-settings.ts';
export { resolveHubModel, type HubOptions, type HubProgress, type HubSnapshot } from './hub.ts';
export { nearPath } from './missing-path.ts';
export { locateData, locateModel, takeApart, whereIs, type LocatedModel } from './locate.ts';
