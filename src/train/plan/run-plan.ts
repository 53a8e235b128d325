import type { Problem } from '../../core/index.ts';
import type { DropReason } from '../../data/index.ts';
import type { MemoryParts } from '../../policy/index.ts';

/** What a run is going to do, before it does it. Plain data: JSON-safe, sizes in bytes, times in seconds. */
export interface RunPlan {
  readonly recipe: 'dpo' | 'sft';
  readonly rows: PlannedRows;
  readonly steps: PlannedSteps;
  readonly tokens: PlannedTokens;
  readonly trained: PlannedParameters;
  readonly memory: PlannedMemory;
  readonly disk: PlannedDisk;
  /** What --base-precision int8 would change; absent where the base is int8 already, or every weight is trained. */
  readonly int8?: Int8Plan;
  /** Absent until something is measured. */
  readonly time?: PlannedTime;
  /** Why the run would not get through, all of it; none where it would. */
  readonly problems: readonly Problem[];
}

/** Rows of one side, and their different prompts. */
export interface RowCounts {
  readonly rows: number;
  readonly prompts: number;
}

export interface PlannedRows {
  /** Valid rows of --data. */
  readonly read: number;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly train: RowCounts;
  readonly heldOut?: RowCounts;
  /** Where held-out rows are a share of the prompts of --data: what was asked for, and what the draw gave. */
  readonly split?: { readonly fraction: number; readonly share: number };
}

export interface PlannedSteps {
  readonly total: number;
  /** Steps that a checkpoint has already. */
  readonly done: number;
  readonly epochs: number;
  readonly perEpoch: number;
  readonly warmup: number;
  readonly stages: number;
  readonly batchSize: number;
  readonly microBatchTokens: number;
  /** Micro-batches of all steps. */
  readonly microBatches: number;
  readonly evaluations: number;
}

export interface PlannedTokens {
  /** Tokens that the model reads in training, all epochs. */
  readonly total: number;
  readonly perEpoch: number;
  /** Of one row, prompt and answers packed. */
  readonly longestRow: number;
  readonly maxLength: number | null;
  /** Answers that lose their end, and prompts that lose their start. */
  readonly cutAnswers: number;
  readonly cutPrompts: number;
}

export interface PlannedParameters {
  readonly method: 'lora' | 'full';
  readonly parameters: number;
  /** Of the model. */
  readonly of: number;
}

export interface PlannedMemory {
  readonly peakBytes: number;
  /** What the peak is made of. */
  readonly parts: MemoryParts;
  readonly availableBytes: number;
  /** Whether the values kept for the backward pass are the compiled step's, and no bound. */
  readonly isCompiled: boolean;
}

export interface PlannedDisk {
  readonly parts: Readonly<Record<string, number>>;
  /** Of the run folder, at its largest. */
  readonly totalBytes: number;
  /** Where the run folder goes; undefined where the system does not say. */
  readonly freeBytes?: number;
  /** Log-probabilities of the reference, in the cache. */
  readonly cacheBytes: number;
  readonly cacheFreeBytes?: number;
}

export interface Int8Plan {
  /** What the processor multiplies whole numbers of 8 bits with. */
  readonly processor: 'amx' | 'vnni' | 'dot-product' | 'none' | 'unknown';
  /** Bytes of weights that it saves. */
  readonly savedBytes: number;
  /** Seconds of a micro-batch in float32 over those in int8; absent where nothing was measured. */
  readonly speedup?: number;
}

export interface PlannedTime {
  /** Of the whole run, from its command to its last line. */
  readonly seconds: number;
  readonly from: number;
  readonly to: number;
  readonly parts: Readonly<Record<'preparing' | 'reference' | 'training' | 'evaluation' | 'answers', number>>;
  /** What was timed. */
  readonly basis: 'micro-batch' | 'first-step';
  readonly measured: {
    readonly tokens: number;
    readonly trainSeconds: number;
    /** A forward pass of the reference, where there is one to compute. */
    readonly referenceSeconds?: number;
  };
}
