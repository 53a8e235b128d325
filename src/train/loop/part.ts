import type { HostTensor, JsonObject } from '../../core/index.ts';
import type { MicroBatch, Policy, ResidentModel } from '../../policy/index.ts';
import type { Device, DeviceTensor } from '../../runtime/index.ts';
import type { Metrics } from './metrics.ts';

/** Numbers that hold for a whole step, by the names of the graphs' scalar inputs. */
export type Scalars = Readonly<Record<string, number>>;

/** A moment of a run: so many steps are finished. */
export interface Moment {
  readonly step: number;
  readonly totalSteps: number;
}

/** What a checkpoint holds of a part or a source, besides what follows from the step. */
export interface SavedState {
  /** Tensors on the device by the names under which checkpoints hold them; restoring writes into them. */
  readonly tensors?: ReadonlyMap<string, DeviceTensor>;
  /** Everything else, as it stands in state.json. */
  save?(): JsonObject;
  restore?(saved: JsonObject): void;
}

/** A micro-batch whose forward pass is done. */
export interface ForwardPart {
  readonly batch: MicroBatch;
  readonly outputs: Readonly<Record<string, HostTensor>>;
}

/** What the objective of the whole batch says of a micro-batch. */
export interface SolvedPart {
  /** [R] */
  readonly losses: HostTensor;
  /** `cotangent/<statistic>` [R, W], lossScale in them: inputs of preferenceCotangentGraph. */
  readonly cotangents: Readonly<Record<string, HostTensor>>;
}

export interface SolveOptions {
  readonly lossScale: number;
  readonly scalars: Scalars;
  /** Whether running values move on: in training, not in evaluation. */
  readonly isTraining: boolean;
}

/** What a method adds to every step. A part has those members that it needs; the loop calls them in the order in which they stand here. */
export interface StepPart extends SavedState {
  /** Its state is `<name>State` in checkpoints. */
  readonly name: string;
  /** In training and in evaluation, where `step` may be totalSteps. They are inputs of the graphs, and the measure reads them. */
  scalars?(moment: Moment): Scalars;
  /** A micro-batch of training with the inputs that must be computed for it. */
  complete?(batch: MicroBatch): Promise<MicroBatch>;
  /** Losses and cotangents of all micro-batches together, where they belong to the optimizer batch. At most one part of a method has it. */
  solve?(parts: readonly ForwardPart[], options: SolveOptions): Promise<readonly SolvedPart[]>;
  /** What it adds to the metrics of the step that begins at this moment. */
  metrics?(moment: Moment): Metrics;
  /** After the optimizer's update; `step` counts this one. */
  afterStep?(done: Moment & { readonly metrics: Metrics }): Promise<void>;
  dispose?(): Promise<void>;
}

/** The policy where it is trained: what a source or a part may compute with. */
export interface PolicyOnDevice {
  readonly device: Device;
  readonly model: ResidentModel;
  readonly policy: Pick<Policy, 'parameters' | 'initial' | 'training' | 'evaluation'>;
}

/** Makes a source or a part on the device, once the policy is there and before its first step. */
export type Open<T> = (on: PolicyOnDevice) => Promise<T>;

/** The scalars of all parts. */
export function scalarsOf(parts: readonly StepPart[], moment: Moment): Scalars {
  return Object.assign({}, ...parts.map((part) => part.scalars?.(moment))) as Scalars;
}

/** The metrics that all parts add. */
export function metricsOf(parts: readonly StepPart[], moment: Moment): Metrics {
  return Object.assign({}, ...parts.map((part) => part.metrics?.(moment))) as Metrics;
}
