export const SCOPES = ['infer', 'feedback', 'label', 'read', 'train', 'admin'] as const;
/** What a key may do; admin may all. */
export type Scope = (typeof SCOPES)[number];
