export * from './config.ts';
export * from './rope.ts';
export * from './parameters.ts';
export * from './decoder.ts';
export * from './packed-attention.ts';
export * from './log-probs.ts';
export * from './adapter.ts';
