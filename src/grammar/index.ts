export { constrain } from './constrain.ts';
export type { TokenConstraint } from './constraint.ts';
export { jsonObject } from './json-object.ts';
export { choice, literal, repeated, sequence, specialToken, textThrough, textWithout, type Grammar } from './node.ts';
export { compileSchema } from './schema/compile.ts';
export type { SchemaOptions } from './schema/context.ts';
export { SCHEMA_LIMITS, type SchemaLimits } from './schema/limits.ts';
export { createVocabulary, vocabularyOf, type Vocabulary, type VocabularySource } from './vocabulary.ts';
