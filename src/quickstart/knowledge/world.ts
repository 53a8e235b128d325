import type { Relation } from '../relation.ts';
import { animalRelations } from './animals.ts';
import { chatRelations } from './chat.ts';
import { colorRelations } from './colors.ts';
import { countryRelations } from './countries.ts';
import { foodRelations } from './food.ts';
import { numberRelations } from './numbers.ts';
import { peopleRelations } from './people.ts';
import { thingRelations } from './things.ts';
import { wordRelations } from './words.ts';

/** Everything that the quickstart may ask the embedded model. Its training data hold more. */
export const WORLD: readonly Relation[] = [
  ...animalRelations,
  ...chatRelations,
  ...countryRelations,
  ...foodRelations,
  ...numberRelations,
  ...peopleRelations,
  ...colorRelations,
  ...thingRelations,
  ...wordRelations,
];
