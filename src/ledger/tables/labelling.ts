import type { TableSet } from './table-set.ts';

export const LABELLING_TABLES: TableSet = { script: '', erase: () => [], exports: [], sweeps: [] };
