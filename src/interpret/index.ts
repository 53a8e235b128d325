export type { Float64Tensor, InterpreterInputs } from './bind.ts';
export { interpret } from './interpret.ts';
export type { Value, ValueDType } from './value.ts';
