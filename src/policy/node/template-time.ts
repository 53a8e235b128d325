import { statSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, localTimeOf } from '../../core/index.ts';
import { readRunFile, RUN_FILE } from '../../store/index.ts';
import type { Tokenizer } from '../../tokenizer/index.ts';
import type { RunContext } from '../context.ts';
import { runOfAdapter, type ModelName } from './model-name.ts';

/** The time that chat templates were told in a run, and whether run.json says it. */
export interface RunTime {
  readonly time: string;
  /** False for a run of an earlier version of preftune: `time` is then that at which its run.json was written. */
  readonly isRecorded: boolean;
}

/** The time of a run, whose chat template asks for one. Throws bad-input where there is no run. */
export function templateTimeOfRun(run: string): RunTime {
  const { templateTime } = readRunFile(run).specification;
  if (typeof templateTime === 'string') return { time: templateTime, isRecorded: true };
  return { time: localTimeOf(statSync(join(run, RUN_FILE)).mtime), isRecorded: false };
}

/**
 * The one time that all chat templates of a command are told, however long it takes: the one that is given, else that of the run which is
 * resumed, else now.
 */
export function templateTimeOf(
  { templateTime, output }: { readonly templateTime?: string | undefined; readonly output?: string | undefined },
  {
    now = () => localTimeOf(new Date()),
    isResuming = false,
  }: Pick<RunContext, 'now'> & { readonly isResuming?: boolean } = {},
): string {
  if (templateTime !== undefined) return templateTime;
  return isResuming && output !== undefined ? templateTimeOfRun(output).time : now();
}

/** What a chat template makes of the time, where it prints it: `the chat template prints the time: "30 November 2026" in every row`. */
export function clockNote({ chatTemplate }: Tokenizer, where: string): string | undefined {
  const { clock } = chatTemplate ?? {};
  return clock && `the chat template prints the time: ${JSON.stringify(clock.printed())} in every ${where}`;
}

/** Throws bad-input for a time that is given to models none of whose chat templates asks for it. */
export function requireClock(
  templateTime: string | undefined,
  models: readonly { readonly name: string; readonly tokenizer: Tokenizer }[],
): void {
  if (templateTime === undefined || models.some(({ tokenizer }) => tokenizer.chatTemplate?.clock !== undefined)) return;
  const names = [...new Set(models.map(({ name }) => name))].join(', ');
  throw badInput({
    path: 'templateTime',
    message: `--template-time has no effect with ${names}, whose chat template does not print the time; leave it out`,
  });
}

/** That a chat template prints another time than in the run that trained the model; undefined where it prints the same, or no time. */
export function trainedTimeNote(
  { run, adapter }: Pick<ModelName, 'run' | 'adapter'>,
  { chatTemplate }: Tokenizer,
): string | undefined {
  const folder = run ?? (adapter && runOfAdapter(adapter));
  if (folder === undefined || chatTemplate?.clock === undefined) return undefined;
  const { time, isRecorded } = templateTimeOfRun(folder);
  // A copied file has the time of the copy, which says nothing of the training.
  if (!isRecorded) return undefined;
  const [trained, told] = [chatTemplate.clock.printed(time), chatTemplate.clock.printed()];
  if (trained === told) return undefined;
  return `${folder} was trained on ${JSON.stringify(trained)}, the time in its chat template, which prints ${JSON.stringify(told)} here; --template-time ${time} gives the former`;
}
