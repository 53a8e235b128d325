export { MANUAL_FOLDER, readManual, type ManualPage } from './pages.ts';
export { renderManualPage, type ManualSection, type RenderedPage } from './render-page.ts';
export { indexSections, searchSections, type ManualHit } from './search.ts';
export { serveSite, type ServedSite } from './serve-site.ts';
export { manualSite } from './site.ts';
