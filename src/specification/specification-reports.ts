import { z } from 'zod';
import { option } from '../options/index.ts';
import { BEST_METRIC_NAMES } from '../store/index.ts';

const positiveInteger = z.int().min(1);

/** What is logged, measured and saved while a run goes on, which of its checkpoints stay, and when it ends early. */
export const REPORT_SHAPE = {
  logSteps: option(positiveInteger.default(1), { help: 'write metrics every so many steps', isSameInSweep: true }),
  evaluateSteps: option(positiveInteger.optional(), {
    help: 'evaluate held-out rows every so many steps',
    usually: 'ten times a run',
    isSameInSweep: true,
  }),
  checkpointSteps: option(positiveInteger.optional(), {
    help: 'save a checkpoint every so many steps',
    usually: 'ten times a run',
    isSameInSweep: true,
  }),
  samples: option(z.int().min(0).max(100).default(3), {
    help: 'held-out prompts that the report shows answered before and after training; 0 for none',
    mayDifferOnResume: true,
    isSameInSweep: true,
  }),
  keepCheckpoints: option(positiveInteger.default(2), {
    help: 'newest checkpoints that stay',
    mayDifferOnResume: true,
    isSameInSweep: true,
  }),
  keep: option(
    z
      .array(z.enum(['best', 'last']))
      .min(1)
      .optional(),
    {
      help: 'checkpoints that stay: the best on held-out rows, the newest ones (--keep-checkpoints; at least one always stays)',
      usually: 'best,last where rows are held out',
      isSameInSweep: true,
    },
  ),
  bestMetric: option(z.enum(BEST_METRIC_NAMES).optional(), {
    help: 'what the best is best by: lowest held-out loss, or highest accuracy or margin',
    usually: 'loss; accuracy with --beta-schedule',
    isSameInSweep: true,
  }),
  loadBest: option(z.boolean().optional(), {
    help: 'write the model of the best checkpoint instead of the last',
    usually: 'with --early-stopping-patience',
    mayDifferOnResume: true,
  }),
  earlyStoppingPatience: option(positiveInteger.optional(), {
    help: 'end after so many evaluations in a row that are no better by --best-metric',
    mayDifferOnResume: true,
    isSameInSweep: true,
    isCommon: true,
  }),
  earlyStoppingImprovement: option(z.number().min(0).optional(), {
    help: 'an evaluation is better where it gains more than this',
    usually: '0',
    mayDifferOnResume: true,
    isSameInSweep: true,
  }),
};
