import type { TableSet } from './table-set.ts';

export const FEEDBACK_TABLES: TableSet = { script: '', erase: () => [], exports: [], sweeps: [] };
