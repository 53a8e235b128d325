export * from './knowledge/world.ts';
export * from './pairs.ts';
export * from './relation.ts';
export * from './styles.ts';
export * from './template.ts';
