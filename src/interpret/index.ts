export * from './interpret.ts';
export type { Float64Tensor, InterpreterInputs } from './bind.ts';
export type { Value, ValueDType } from './value.ts';
