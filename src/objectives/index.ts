export * from './definition.ts';
export * from './statistics.ts';
export * from './registry.ts';
export * from './compatibility.ts';
export * from './parse-objective.ts';
export * from './resolve.ts';
export * from './objective-graph.ts';
export * from './describe.ts';
export type { LossInputs } from './compose.ts';
