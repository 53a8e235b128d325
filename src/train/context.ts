import type { Metrics } from './loop/metrics.ts';
import type { StepRecord } from './loop/loop.ts';
import type { RunContext, RunListener } from '../policy/index.ts';
import type { AutoSetting } from '../specification/index.ts';
import type { DetectorName, RunFinding, RunVerdict, Thresholds } from '../monitor/index.ts';
import type { Answer } from '../generate/index.ts';
import type { checkTrainingData, DataFinding } from '../reliability/index.ts';
import type { Decoder } from '../models/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import type { ReportSample } from '../report/index.ts';
import type { PlannedTime, RunPlan } from './plan/run-plan.ts';
import type { RunOutcome } from '../store/index.ts';
import type { BestStanding } from './selection.ts';
import type { Tokenizer } from '../tokenizer/index.ts';

/** What a recipe needs from outside. */
export interface RecipeContext extends RunContext {
  readonly versions: Readonly<Record<string, string>>;
  readonly isResuming: boolean;
  readonly listener: RecipeListener;
  /** Answers that the report shows, before training beside after. */
  readonly sampler?: RunSampler;
  /** Makes the sampler of some of the run's own prompts, where there is no other; without it the report has no answers. */
  readonly samplePrompts?: (prompts: readonly SampledPrompt[]) => RunSampler;
  /** Looks at the rows before they are trained on: checkTrainingData. Without it nothing is said of them. */
  readonly checkData?: typeof checkTrainingData;
  /** Settings that are chosen by the number of rows (--auto); none by default. A run that is resumed keeps those with which it began. */
  readonly auto?: readonly AutoSetting[];
  /** Which findings end the run after a checkpoint, and thresholds over the detectors' own. */
  readonly monitor?: { readonly stopOn?: readonly DetectorName[]; readonly thresholds?: Thresholds };
}

/** A prompt of the held-out rows (of the training rows, where nothing is held out), as training sees it. */
export interface SampledPrompt {
  readonly ids: readonly number[];
  /** As the report shows it: the last turn, without what the chat template puts around it. */
  readonly text: string;
  /** The turns before it, a user's and the assistant's by turns. */
  readonly earlier: readonly string[];
  /** Which rows are of this prompt: `promptHashes` of a RowSet. */
  readonly hash: number;
  /** Ids of the data's answer, the better one; undefined where the row is a text, or an answer that was found bad. */
  readonly chosen?: readonly number[];
}

/** The model at one moment of a run. */
export interface SampledModel {
  readonly device: Device;
  readonly tokenizer: Tokenizer;
  readonly decoder: Decoder;
  /** The decoder's tensors, on the device, as they are now. */
  readonly resident: ReadonlyMap<string, DeviceTensor>;
}

/** What of an answer the report shows and the verdict looks at. */
export type SampledAnswer = Pick<Answer, 'ids' | 'text' | 'finishReason'>;

/** Answers the same prompts twice: before the first step, and after the last. */
export interface RunSampler {
  /** As the report shows them. */
  readonly prompts: readonly string[];
  /** One answer for each prompt, as a generator gives them; no longer than `maxNewTokens` where that is given. */
  answer(model: SampledModel, options?: { readonly maxNewTokens?: number }): Promise<readonly SampledAnswer[]>;
}

/** Everything that a recipe tells while it works. */
export interface RecipeListener extends RunListener {
  /** What the run is going to do; nothing is loaded yet. */
  readonly onPlan?: (plan: RunPlan) => void;
  /** How long it takes, as soon as something was timed. */
  readonly onEstimate?: (time: PlannedTime) => void;
  /** Everything is ready and the first step begins: of `total` steps, `done` came from a checkpoint. */
  readonly onStart?: (done: number, total: number) => void;
  readonly onStep?: (record: StepRecord) => void;
  readonly onEvaluation?: (step: number, metrics: Metrics, standing?: BestStanding) => void;
  readonly onCheckpoint?: (step: number) => void;
  /** A prompt of the report, answered before and after training. */
  readonly onSample?: (sample: ReportSample) => void;
  /** Rows that were looked at before training, so far. */
  readonly onRowsChecked?: (rows: number) => void;
  /** A finding on the rows that bears on the run, as one line. */
  readonly onDataFinding?: (text: string, finding: DataFinding) => void;
  /** A known pattern of runs that go wrong is seen, each once. */
  readonly onFinding?: (finding: RunFinding) => void;
}

export interface RunCost {
  readonly seconds: number;
  /** As it was estimated after the first step; absent where there was none. */
  readonly planned?: PlannedTime;
  /** The most memory that the process held; absent where nobody says. */
  readonly peakBytes?: number;
  readonly plannedPeakBytes: number;
}

export interface RecipeResult {
  readonly run: string;
  readonly steps: number;
  readonly totalSteps: number;
  readonly isComplete: boolean;
  readonly firstEvaluation: Metrics | undefined;
  readonly lastEvaluation: Metrics | undefined;
  readonly lastStep: Metrics | undefined;
  /** What the run took, beside what was planned. */
  readonly took: RunCost;
  /** What the metrics say about how the run went. */
  readonly verdict: RunVerdict;
  /** The finding that ended the run before its last step. */
  readonly stoppedBy?: RunFinding;
  /** The records that were held out of the data, where they stand in no file of their own. */
  readonly heldOutFile?: string;
  /** What the sampler answered; none without a sampler, or when the run was stopped. */
  readonly samples: readonly ReportSample[];
  /** Folder of the adapter or the model; absent when the run was stopped before its first step. */
  readonly artefact: string | undefined;
  /** What run.json says of the end and of the artefact; absent with it. */
  readonly outcome: RunOutcome | undefined;
  /** The held-out metrics of the artefact's step; absent where that was not evaluated. */
  readonly artefactEvaluation: Metrics | undefined;
  /** The step that is best on the held-out rows, and the one that was taken, in a sentence. */
  readonly choice?: string;
}
