import { WORLD, type Relation } from '../../src/quickstart/index.ts';
import { howToRelations } from './knowledge/how-to.ts';
import { natureRelations } from './knowledge/nature.ts';
import { timeRelations } from './knowledge/time.ts';

/** All relations that the embedded model is trained on: the quickstart's and those that only training needs. */
export const FULL_WORLD: readonly Relation[] = [...WORLD, ...timeRelations, ...natureRelations, ...howToRelations];
