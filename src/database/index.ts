export { openDatabase, type Database } from './database.ts';
export { parseRows } from './rows.ts';
export { requiredSql, sql, type SqlResult, type SqlRow, type SqlStatement, type SqlValue } from './sql.ts';
export type { DatabaseKind, Migration } from './migration.ts';
