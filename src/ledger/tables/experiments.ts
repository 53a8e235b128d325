import type { TableSet } from './table-set.ts';

export const EXPERIMENTS_TABLES: TableSet = { script: '', erase: () => [], exports: [], sweeps: [] };
