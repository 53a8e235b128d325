export * from './optimizer.ts';
export * from './schedule.ts';
export * from './update-graph.ts';
