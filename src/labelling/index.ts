export { DEFAULT_GUIDELINES } from './guidelines.ts';
export { draftsOf, type Drafts, type ItemDraft } from './item-drafts.ts';
export { LABEL_EXPORTS, messagesOf, type LabelExport, type LabelExportOptions, type LeftOut } from './export.ts';
export { createLabelling, type Labelling } from './labelling.ts';
export { type LabelFigure, type Panel, type Progress } from './panel.ts';
export { type Assignment } from './assign.ts';
export { type NextItems, type VoteResult } from './queue.ts';
export {
  ITEM_STATUSES,
  VERDICTS,
  type Ballot,
  type Campaign,
  type Item,
  type ItemStatus,
  type VoteRecord,
} from './records.ts';
export { CAMPAIGN_SETTINGS, FLAGS, type CampaignSettings, type Flag } from './settings.ts';
