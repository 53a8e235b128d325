export type { Answer, GeneratedToken } from './answer.ts';
export { createGenerator, type GenerateOptions, type Generator, type GeneratorOptions } from './generator.ts';
export { chooseToken, type Sampling } from './sampling.ts';
export { openGenerator, type OpenGeneratorOptions } from './open-generator.ts';
export { conversationOf, encodePrompt, readPrompts, type Prompt, type PromptOptions } from './prompts.ts';
export { createSampler } from './sampler.ts';
