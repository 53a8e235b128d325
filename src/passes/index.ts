export * from './share.ts';
export * from './simplify.ts';
export * from './reassociate.ts';
export * from './contract.ts';
export * from './hoist.ts';
export * from './recompute.ts';
export * from './optimise.ts';
export * from './select-kernels.ts';
