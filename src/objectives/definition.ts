import type { RowKind } from '../data/index.ts';
import type { Node, Operand } from '../graph/index.ts';
import type { RewardForm } from './reward.ts';
import type { UnpairedStatistics, RankingStatistics, PairStatistics, StatisticName } from './statistics.ts';

/** Values of a loss's options, complete and checked. Numbers become constants of the graph. */
export type LossOptions = Readonly<Record<string, number | string>>;

interface OptionText {
  /** Printed in help, docs and errors. */
  readonly meaning: string;
  /** TRL's default where it is another one than the paper's, for the compatibility modes. */
  readonly trlDefault?: number | string;
  /** Without it the option always has an effect. `needs` ends the sentence "has no effect with X; set ...". */
  readonly effective?: { readonly when: (options: LossOptions) => boolean; readonly needs: string };
}

export interface NumberOption extends OptionText {
  readonly default: number;
  /** Smallest and largest allowed value; the exclusive flags leave the bound itself out. */
  readonly minimum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly maximum?: number;
  readonly exclusiveMaximum?: boolean;
}

export interface ChoiceOption extends OptionText {
  readonly default: string;
  readonly choices: readonly string[];
}

export type LossOption = NumberOption | ChoiceOption;
export type LossOptionSpecs = Readonly<Record<string, LossOption>>;

/** The values that a loss computes with. beta may be a node, so that it can follow a schedule; the rest is constant. */
export type ValuesOf<S extends LossOptionSpecs> = {
  readonly [K in keyof S]: K extends 'beta'
    ? Operand
    : S[K] extends { readonly choices: readonly (infer Choice)[] }
      ? Choice
      : number;
};

/** Running values of a loss, float32 scalars: they stand in the checkpoint. */
export type StateNodes = Readonly<Record<string, Node>>;

/** Losses [R] of the rows in nats, whose mean is the loss of the batch, and the running values after this batch. */
export interface LossResult {
  readonly losses: Node;
  readonly state: StateNodes;
}

export interface Source {
  readonly authors: string;
  readonly year: number;
  /** arXiv identifier, or where else it was published. */
  readonly where: string;
  readonly equation?: string;
}

/** What docs and help say of a loss. */
export interface LossDescription {
  /** A few words: the name that people know. */
  readonly title: string;
  /** In the letters of docs/objectives.md. */
  readonly formula: string;
  readonly sources: readonly Source[];
  readonly beta: string;
  readonly use: string;
  readonly traps: string;
}

export type LossKind = Exclude<RowKind, 'completion'>;

export interface StatisticsOf {
  readonly pair: PairStatistics;
  readonly unpaired: UnpairedStatistics;
  readonly ranking: RankingStatistics;
}

/** rows: the loss of a row depends on that row alone. batch: on all rows of the optimizer batch, which is its unit. */
export type Coupling = 'rows' | 'batch';

export interface LossOf<K extends LossKind> {
  readonly kind: K;
  /** TRL's name where TRL has it. */
  readonly name: string;
  readonly description: LossDescription;
  readonly options: LossOptionSpecs;
  readonly needsReference: boolean;
  /** The implicit reward of an answer under this loss. */
  readonly reward: RewardForm;
  /** Of several answers, which are compared: the first with each other one, or the second with the last. */
  readonly compares: 'first' | 'second';
  /** Whether it makes the chosen answers likely by themselves, as supervised training does, so that entropy falls by what is learned. */
  readonly imitates: (options: LossOptions) => boolean;
  /** Whether it makes chosen answers less likely by design. */
  readonly lowersChosen: boolean;
  /** Whether it rises for small rewards in the right order, so that a loss above the first one is no bad sign. */
  readonly risesAtStart: boolean;
  /** Whether it compares means over the tokens of answers. */
  readonly dividesByLength: (options: LossOptions) => boolean;
  /** Statistics beyond log-probabilities and lengths that these options ask for. */
  readonly needs: (options: LossOptions) => readonly StatisticName[];
  readonly coupling: (options: LossOptions) => Coupling;
  /** Whether a margin of each row can be subtracted from the scaled reward difference. */
  readonly takesMargins: boolean;
  /** Whether the losses belong to single rows, so that a weight of each row has a meaning. */
  readonly takesWeights: boolean;
  /** Running values at the start of training. */
  readonly state: (options: LossOptions) => Readonly<Record<string, number>>;
  readonly loss: (
    statistics: StatisticsOf[K],
    values: Readonly<Record<string, Operand | string>>,
    state: StateNodes,
  ) => Node | LossResult;
}

/** One loss of the family: a function of statistics of answers, in graph operations. */
export type Loss = { readonly [K in LossKind]: LossOf<K> }[LossKind];
export type PairLoss = LossOf<'pair'>;

type Defaults =
  | 'kind'
  | 'options'
  | 'reward'
  | 'compares'
  | 'imitates'
  | 'lowersChosen'
  | 'risesAtStart'
  | 'dividesByLength'
  | 'needs'
  | 'coupling'
  | 'takesMargins'
  | 'takesWeights'
  | 'state'
  | 'loss';

/** A loss as its file writes it: what is left out has the value of DEFAULTS. */
export type LossDefinition<K extends LossKind, S extends LossOptionSpecs> = Omit<LossOf<K>, Defaults> & {
  readonly options: S;
  readonly reward?: RewardForm;
  readonly compares?: 'first' | 'second';
  readonly imitates?: (options: ValuesOf<S>) => boolean;
  readonly lowersChosen?: boolean;
  readonly risesAtStart?: boolean;
  readonly dividesByLength?: (options: ValuesOf<S>) => boolean;
  readonly needs?: (options: ValuesOf<S>) => readonly StatisticName[];
  readonly coupling?: (options: ValuesOf<S>) => Coupling;
  readonly takesMargins?: boolean;
  readonly takesWeights?: boolean;
  readonly state?: (options: ValuesOf<S>) => Readonly<Record<string, number>>;
  readonly loss: (statistics: StatisticsOf[K], values: ValuesOf<S>, state: StateNodes) => Node | LossResult;
};

const DEFAULTS = {
  reward: 'answer',
  compares: 'first',
  imitates: () => false,
  lowersChosen: false,
  risesAtStart: false,
  dividesByLength: () => false,
  needs: () => [],
  coupling: () => 'rows',
  takesMargins: false,
  takesWeights: true,
  state: () => ({}),
} as const;

/** The types of options are known inside a definition and erased in the registry, where names decide. */
function defineLoss<K extends LossKind>(kind: K) {
  return <const S extends LossOptionSpecs>(definition: LossDefinition<K, S>): LossOf<K> =>
    ({ ...DEFAULTS, ...definition, kind }) as unknown as LossOf<K>;
}

export const pairLoss = defineLoss('pair');
export const unpairedLoss = defineLoss('unpaired');
export const rankingLoss = defineLoss('ranking');
