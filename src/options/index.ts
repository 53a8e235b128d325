export { jsonSchemaOf } from './json-schema.ts';
export { valueOfField, valueOfWords } from './item-words.ts';
export { helpOf, placeholderOf, shownDefault, typedText } from './option-help.ts';
export { valueOfJson, valueOfText, type OptionKind } from './option-kind.ts';
export { optionWords } from './option-words.ts';
export { flagOf, optionsOf, present, valueAt, valuesOf, withValueAt, type Option } from './option-list.ts';
export { fieldNames, flagProblem, idleProblem, schemaProblems, type ProblemNames } from './option-problems.ts';
export {
  changed,
  grouped,
  metaOf,
  oneOrMore,
  option,
  texts,
  type OptionMeta,
  type OptionSchema,
  type OptionShape,
  type OptionsOf,
} from './option.ts';
export { parseOptions, readOptions, type GivenOptions, type ReadOptions } from './parse-options.ts';
