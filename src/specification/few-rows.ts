import { flagOf } from '../options/index.ts';

/** What `--auto` chooses where it is not given. */
export const AUTO_SETTINGS = ['epochs', 'batchSize', 'learningRate'] as const;
export type AutoSetting = (typeof AUTO_SETTINGS)[number];
export type StepSettings = Readonly<Record<AutoSetting, number>>;

/** What decides which settings suit so many rows. */
export interface SettingCounts {
  readonly rows: number;
  readonly recipe: 'dpo' | 'sft';
  readonly method: 'lora' | 'full';
  /** A batch is what the loss is estimated over (KTO's reference point), so that it must not be small. */
  readonly isCoupled?: boolean;
  /** Nothing holds the policy at its start. */
  readonly isReferenceFree?: boolean;
}

/** Below this a run is told that it is short: it is also what checks of the learning rate take. */
export const FEW_STEPS = 30;

/** Steps that small sets are passed over for. */
const WANTED_STEPS = 75;
const MAX_EPOCHS = 10;
/** Rows from which batches are those of any run. */
const MANY_ROWS = 200;
/** Steps times the rate of an adapter, by which the answers of the embedded model change (docs/log.md). */
const WANTED_PRODUCT = 0.03;
/** A third of it changes answers, if not most of them. */
const FELT_PRODUCT = WANTED_PRODUCT / 3;
/** Lowest and highest rate: the usual one, and ten times it. */
const RATES = { lora: { low: 5e-5, high: 5e-4, free: 2e-4 }, full: { low: 1e-6, high: 1e-5, free: 2e-6 } } as const;
/** A whole model takes a fiftieth of an adapter's rate, as the usual ones do. */
const FULL_SHARE = 1 / 50;

/**
 * Settings for so many rows: batches of 4 below 200 rows and of 8 from there, passes for about 75 steps, at most 10 of them, and for preferences a rate such that steps
 * times rate is 0.03, within ten times the usual one. What is kept stays, and the others follow it. Rates are two digits at most; sft keeps its own.
 *
 * Measured on the embedded model with 30 to 1000 pairs (docs/log.md); other models were not, and want their held-out loss looked at.
 */
export function proposeSettings(
  { rows, recipe, method, isCoupled = false, isReferenceFree = false }: SettingCounts,
  current: StepSettings,
  kept: readonly AutoSetting[] = [],
): StepSettings {
  const chosen = (name: AutoSetting, propose: () => number): number =>
    kept.includes(name) ? current[name] : propose();
  const batchSize = chosen('batchSize', () => (rows < MANY_ROWS && !isCoupled ? 4 : 8));
  const perEpoch = Math.ceil(rows / batchSize);
  const epochs = chosen('epochs', () => Math.min(MAX_EPOCHS, Math.max(1, Math.round(WANTED_STEPS / perEpoch))));
  const steps = Math.max(1, Math.round(perEpoch * epochs));
  const learningRate = chosen('learningRate', () => {
    if (recipe === 'sft') return current.learningRate;
    const { low, high, free } = RATES[method];
    const wanted = (WANTED_PRODUCT / steps) * (method === 'full' ? FULL_SHARE : 1);
    return Number(Math.min(isReferenceFree ? free : high, Math.max(low, wanted)).toPrecision(1));
  });
  return { epochs, batchSize, learningRate };
}

/** The flags of settings that differ from those of the run: `--epochs 9 --batch-size 4`; empty for none. */
export function settingFlags(proposed: StepSettings, current: StepSettings): string {
  return AUTO_SETTINGS.filter((name) => proposed[name] !== current[name])
    .map((name) => `${flagOf(name)} ${proposed[name] < 1e-3 ? proposed[name].toExponential() : proposed[name]}`)
    .join(' ');
}

/** What is said before a run of few steps. */
export interface FewSteps {
  readonly steps: number;
  readonly proposed: StepSettings;
  /** What can be pasted behind the command; empty where nothing better is known than more rows. */
  readonly flags: string;
  readonly text: string;
}

/**
 * What a run with few steps should be told before it begins, with settings that suit so many rows; undefined where it has enough, and where --max-steps says how
 * many it shall have.
 */
export function fewStepsOf(
  counts: SettingCounts,
  { steps, maxSteps, ...current }: StepSettings & { readonly steps: number; readonly maxSteps?: number | undefined },
): FewSteps | undefined {
  if (steps >= FEW_STEPS || (maxSteps !== undefined && maxSteps <= steps)) return undefined;
  const settings: StepSettings = {
    epochs: current.epochs,
    batchSize: current.batchSize,
    learningRate: current.learningRate,
  };
  const proposed = proposeSettings(counts, settings);
  const flags = settingFlags(proposed, settings);
  const { rows } = counts;
  const what = `${rows} ${rows === 1 ? 'row makes' : 'rows make'} ${steps} ${steps === 1 ? 'step' : 'steps'} of ${settings.batchSize}`;
  const share = counts.method === 'full' ? FULL_SHARE : 1;
  const changes = steps * settings.learningRate > FELT_PRODUCT * share;
  const advice = flags === '' ? 'bring more rows' : `for so many rows try ${flags} (--auto chooses them)`;
  return {
    steps,
    proposed,
    flags,
    text: `${what}: too few ${changes ? '' : 'to change many answers, and '}for most checks; ${advice}`,
  };
}
