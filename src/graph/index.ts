export * from './dim.ts';
export * from './node.ts';
export * from './infer.ts';
export * from './make-node.ts';
export * from './operations.ts';
export * from './graph.ts';
export * from './print.ts';
export * from './random-word.ts';
