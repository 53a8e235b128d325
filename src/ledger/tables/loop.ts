import type { TableSet } from './table-set.ts';

export const LOOP_TABLES: TableSet = { script: '', erase: () => [], exports: [], sweeps: [] };
