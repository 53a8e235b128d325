import { z } from 'zod';
import { COMMANDS } from '../commands.ts';
import { defineCommand } from '../frame/command.ts';
import { bashCompletion } from './completion-bash.ts';
import { fishCompletion } from './completion-fish.ts';
import { completedCommands, type CompletedCommand } from './completion-words.ts';
import { zshCompletion } from './completion-zsh.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const satisfies Record<
  string,
  (commands: readonly CompletedCommand[]) => string
>;
type Shell = keyof typeof SHELLS;

/** `preftune completion`: a script that lets a shell complete commands, flags, choices and files. */
export const COMPLETION = defineCommand({
  name: 'completion',
  description: 'Prints a script with which bash, zsh or fish complete commands, options and files',
  arguments: [{ name: 'shell', help: 'bash, zsh or fish', isRequired: true, choices: Object.keys(SHELLS) }],
  examples: [
    { does: 'for bash; in ~/.bashrc: source <(preftune completion bash)', words: 'bash' },
    { does: 'for zsh; in ~/.zshrc, after compinit: source <(preftune completion zsh)', words: 'zsh' },
  ],
  options: z.strictObject({}),
  async run(_options, { args, terminal }) {
    const commands = completedCommands(await Promise.all(COMMANDS.map((entry) => entry.load())));
    const script = SHELLS[args[0] as Shell](commands);
    // A script is no text that may be laid out.
    if (terminal.isJson) terminal.result({ shell: args[0]!, script }, script);
    else terminal.stream(script);
  },
});
