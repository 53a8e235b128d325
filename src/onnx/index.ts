export * from './lower.ts';
export * from './print.ts';
