export {
  defineCommand,
  type ArgumentEntry,
  type Command,
  type CommandContext,
  type CommandDefinition,
  type CommandEntry,
  type CommandExample,
  type CommandUsage,
} from './frame/command.ts';
export { CLI_EVENT, type CliEvent } from './frame/event-schema.ts';
export { runCli, type CliOptions, type CliProcess } from './frame/frame.ts';
export {
  createProgress,
  trainingFigures,
  type Figure,
  type ProgressBar,
  type ProgressState,
} from './frame/progress.ts';
