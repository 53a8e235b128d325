import { idleProblem, type GivenOptions } from '../options/index.ts';
import type { Problem } from '../core/index.ts';
import type { BestMetric } from '../store/index.ts';
import type { CommonFields } from './specification-schema.ts';

/** Which checkpoints stay, by what the best is best, which one becomes the artefact. */
export type KeptCheckpoints = {
  readonly keep: readonly ('best' | 'last')[];
  /** Absent where nothing is held out. */
  readonly bestMetric?: BestMetric | undefined;
  readonly loadBest: boolean;
};

interface Recipe {
  readonly name: 'dpo' | 'sft';
  /** beta, and with it loss and margin, changes during the run. */
  readonly changesBeta?: boolean;
  /** Parts of the rows are trained one after the other. */
  readonly hasStages?: boolean;
}

function holdsOut({ heldOut, heldOutFraction }: CommonFields): boolean {
  return heldOut !== undefined || heldOutFraction > 0;
}

/** What is wrong with the options on best checkpoints and early stopping; `given` has no defaults. */
export function bestProblems(fields: CommonFields, given: GivenOptions, recipe: Recipe): Problem[] {
  const problems = holdsOut(fields) ? metricProblems(fields, recipe) : unmeasuredProblems(fields);
  if (given['earlyStoppingImprovement'] !== undefined && fields.earlyStoppingPatience === undefined)
    problems.push(idleProblem('earlyStoppingImprovement', 'without --early-stopping-patience'));
  if (recipe.hasStages === true && fields.earlyStoppingPatience !== undefined)
    problems.push({
      path: 'earlyStoppingPatience',
      message:
        '--early-stopping-patience must not be given with --reference-update stepwise, of which it would skip the later stages; leave one of them out',
    });
  if (holdsOut(fields) && fields.loadBest === true && fields.keep?.includes('best') === false)
    problems.push({
      path: 'loadBest',
      message: `--load-best needs the best checkpoint, got --keep ${fields.keep.join(',')}; add best to it or leave it out`,
    });
  return problems;
}

/** Nothing can be best where nothing is measured. */
function unmeasuredProblems(fields: CommonFields): Problem[] {
  const wanted: readonly (readonly [path: string, flag: string, isWanted: boolean])[] = [
    ['keep', '--keep best', fields.keep?.includes('best') === true],
    ['bestMetric', `--best-metric ${fields.bestMetric}`, fields.bestMetric !== undefined],
    ['loadBest', '--load-best', fields.loadBest === true],
    ['earlyStoppingPatience', '--early-stopping-patience', fields.earlyStoppingPatience !== undefined],
  ];
  return wanted.flatMap(([path, flag, isWanted]) =>
    isWanted
      ? [
          {
            path,
            message: `${flag} needs held-out rows to measure on, got none; add --held-out or --held-out-fraction`,
          },
        ]
      : [],
  );
}

function metricProblems({ bestMetric }: CommonFields, { name, changesBeta = false }: Recipe): Problem[] {
  if (bestMetric === undefined) return [];
  if (name === 'sft' && bestMetric !== 'loss')
    return refused(`must be loss for sft, whose rows have no sides, got ${bestMetric}`);
  if (changesBeta && bestMetric !== 'accuracy')
    return refused(
      `must be accuracy with --beta-schedule, since beta is in loss and margin and makes those of different steps different things, got ${bestMetric}`,
    );
  return [];
}

function refused(message: string): Problem[] {
  return [{ path: 'bestMetric', message: `--best-metric ${message}` }];
}

/** The options on best checkpoints with what holds where they are not given. */
export function keptCheckpoints(fields: CommonFields, { changesBeta = false }: Recipe): KeptCheckpoints {
  if (!holdsOut(fields)) return { keep: ['last'], loadBest: false };
  const keep = fields.keep ?? ['best', 'last'];
  return {
    keep,
    bestMetric: fields.bestMetric ?? (changesBeta ? 'accuracy' : 'loss'),
    // Whoever stops when it gets worse does not want the model that got worse.
    loadBest: fields.loadBest ?? (fields.earlyStoppingPatience !== undefined && keep.includes('best')),
  };
}
