import { commandLines, shellCommand } from '../../core/index.ts';

const LABEL = 'next:     ';

/** What to type next, each command as it can be pasted: in lines of at most `columns`, broken with `\` where it is longer. */
export function nextLines(commands: readonly (readonly string[])[], columns: number): string[] {
  return commands
    .flatMap((words) => commandLines(shellCommand(words), columns - LABEL.length))
    .map((line, place) => `${place === 0 ? LABEL : ' '.repeat(LABEL.length)}${line}`);
}
