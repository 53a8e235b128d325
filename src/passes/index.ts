export { contractRowSums } from './contract.ts';
export { hoist, type Hoisted } from './hoist.ts';
export { optimise, type OptimiseOptions, type Optimised } from './optimise.ts';
export { reassociate, typicalSize, type DimHints } from './reassociate.ts';
export { recompute, type RecomputeLevel, type RecomputeOptions, type Recomputed } from './recompute.ts';
export {
  orderUnits,
  printKernelPlan,
  selectKernels,
  type KernelChoice,
  type KernelName,
  type KernelPlan,
  type LowerTarget,
  type LowerUnit,
} from './select-kernels.ts';
export { NodeTable, shareSubexpressions, tableOf } from './share.ts';
export { scalarValue, simplify } from './simplify.ts';
