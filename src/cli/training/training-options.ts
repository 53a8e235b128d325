import { z } from 'zod';
import { DETECTOR_LIST, detectorsOf, THRESHOLDS } from '../../monitor/index.ts';
import type { Problem } from '../../core/index.ts';
import { grouped, option, type GivenOptions, type OptionsOf } from '../../options/index.ts';
import { AUTO_SETTINGS, type AutoSetting } from '../../specification/index.ts';
import type { RecipeContext } from '../../train/index.ts';

/** Options of the command line alone, which no specification holds. */

export const REFERENCE_CACHE = option(z.string().min(1).optional(), {
  help: 'folder of stored reference log-probabilities',
  usually: '~/.cache/preftune/reference',
  group: 'Machine',
});

export const SHOW_TOKENS = option(z.boolean().default(false), {
  help: 'print the whole tokenisation report with examples',
  group: 'Run',
});

export const MONITOR = option(THRESHOLDS.optional(), {
  help: 'thresholds of checks: {"gradient-spikes": {"ratio": 20}}',
  group: 'Run',
});

export const DRY_RUN = option(z.boolean().default(false), {
  help: 'print the plan (rows, steps, tokens, memory, disk, minutes) and end; a micro-batch is timed, nothing is written',
  group: 'Run',
  isCommon: true,
});

export const TIMED = option(z.boolean().default(true), {
  help: 'with --dry-run: load the model and time a micro-batch',
  group: 'Run',
  onlyWith: { option: 'dryRun' },
});

/** How a training run is watched and continued. */
export const RUN_SHAPE = {
  ...grouped('Steps', {
    auto: option(z.boolean().default(false), {
      help: 'choose --epochs, --batch-size and --learning-rate by the number of rows, where they are not given',
      isCommon: true,
    }),
  }),
  ...grouped('Run', {
    resume: option(z.boolean().default(false), {
      help: 'continue the run in --output from its last checkpoint; it knows its options',
      isCommon: true,
    }),
    stopOn: option(DETECTOR_LIST.optional(), {
      help: 'checks that end the run, after a checkpoint, when they fire; docs/monitoring.md has them',
    }),
  }),
  dryRun: DRY_RUN,
  timed: TIMED,
  monitor: MONITOR,
  showTokens: SHOW_TOKENS,
};

export type RunOptions = OptionsOf<typeof RUN_SHAPE>;

/** What --auto may choose: the settings that are not given, which a run that goes on knows by itself. */
export function autoOf({ auto }: Pick<RunOptions, 'auto'>, given: GivenOptions): readonly AutoSetting[] {
  return auto ? AUTO_SETTINGS.filter((name) => given[name] === undefined) : [];
}

/** --auto where nothing is left to choose. */
export function autoProblems({ auto, resume }: Pick<RunOptions, 'auto' | 'resume'>, given: GivenOptions): Problem[] {
  if (!auto || resume || autoOf({ auto }, given).length > 0) return [];
  const message =
    '--auto has no effect with --epochs, --batch-size and --learning-rate, which it would choose; leave one of them out';
  return [{ path: 'auto', message }];
}

/** What --stop-on and --monitor say. */
export function monitorOf({
  stopOn,
  monitor,
}: Pick<RunOptions, 'stopOn' | 'monitor'>): NonNullable<RecipeContext['monitor']> {
  return {
    ...(stopOn && { stopOn: detectorsOf(stopOn) }),
    ...(monitor && { thresholds: monitor }),
  };
}
