export {
  pathOf,
  type ArgumentEntry,
  type Command,
  type CommandContext,
  type CommandEntry,
  type OptionEntry,
} from './command.ts';
export { runCli, type CliOptions, type CliProcess } from './frame.ts';
export { createProgress, trainingFigures, type Figure, type Progress, type ProgressState } from './progress.ts';
export { locateData, locateModel, type LocatedModel } from './locate.ts';
