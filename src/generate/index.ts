export type { Answer, GeneratedToken } from './answer.ts';
export { createGenerator, type GenerateOptions, type Generator, type GeneratorOptions } from './generator.ts';
export { chooseToken, type Sampling } from './sampling.ts';
