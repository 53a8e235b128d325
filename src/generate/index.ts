export type { Answer, AnswerLogp, GeneratedToken, PromptLogps, StreamedToken } from './answer.ts';
export type { ScoreChanges, TokenHistory } from './choose/adjust-scores.ts';
export { chooseToken, type ChoiceContext, type Sampling } from './choose/sampling.ts';
export { logpsOf, type TokenLogp } from './choose/token-logps.ts';
export type { EngineAdapter, EngineModel } from './engine-model.ts';
export type { EngineCounts, EngineStats, ResponderStats } from './engine-stats.ts';
export { createEngine, type Engine, type EngineOptions } from './engine.ts';
export type { Submission } from './entry.ts';
export {
  createGenerator,
  generatorOf,
  type GenerateOptions,
  type Generator,
  type GeneratorOptions,
} from './generator.ts';
export { openGenerator, type OpenedGenerator, type OpenGeneratorOptions } from './node-open-generator.ts';
export { conversationOf, encodePrompt, isRawPrompt, readPrompts, type Prompt, type PromptOptions } from './prompts.ts';
export type { QueueLimits } from './queue.ts';
export { BASE, type AddOptions } from './registry.ts';
export type { DecodingOptions, GenerationRequest } from './request.ts';
export { createStopWatch, type StopWatch } from './stop-watch.ts';
