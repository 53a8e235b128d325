export * from './byte-source.ts';
export * from './checkpoint.ts';
