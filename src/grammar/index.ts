export type { TokenConstraint } from './constraint.ts';
