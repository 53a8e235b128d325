export * from './objective.ts';
export * from './registry.ts';
export * from './sigmoid.ts';
