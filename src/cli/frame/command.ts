import type { z } from 'zod';
import type { Problem } from '../../core/index.ts';
import type { GivenOptions, OptionSchema } from '../../options/index.ts';
import type { Terminal } from './terminal.ts';

/** What --help shows as an example. */
export interface CommandExample {
  /** A few words: what it is for. */
  readonly does: string;
  /** What stands behind the command's name, quoted as a POSIX shell wants it. */
  readonly words: string;
}

export interface ArgumentEntry {
  readonly name: string;
  readonly help: string;
  readonly isRequired?: boolean;
  /** The words that it may be; any word where they are not said. */
  readonly choices?: readonly string[];
  /** Takes all remaining arguments; only the last one can. */
  readonly isVariadic?: boolean;
}

/** What was written on the command line and in the configuration file, before defaults. */
export interface CommandUsage<S extends OptionSchema = OptionSchema> {
  /** Positional arguments. */
  readonly args: readonly string[];
  /** Options that were given, nested. */
  readonly given: { readonly [Name in keyof z.output<S>]?: unknown };
  readonly isJson: boolean;
  /** The environment, for what the ecosystem's contracts put there (HF_HOME, HF_TOKEN, ...). Nothing else may be read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface CommandContext extends CommandUsage {
  readonly terminal: Terminal;
  /** Aborted by the first Ctrl-C: stop after this step and save. */
  readonly signal: AbortSignal;
}

/** A command of the command line: its options, declared once as a schema, and the function that does it. */
export interface CommandDefinition<S extends OptionSchema> {
  /** Words after `preftune`: `dpo`, `data check`. */
  readonly name: string;
  /** One line. */
  readonly description: string;
  readonly arguments?: readonly ArgumentEntry[];
  /** A strict object of fields made by `option`; the order is that of --help, below the headings in the order of `groups`. */
  readonly options: S;
  /** Headings in their order, where it is not that of the options. */
  readonly groups?: readonly string[];
  /** It takes long: with --json it tells on stderr how it goes on, a line of JSON an event (docs/monitoring.md). */
  readonly hasEvents?: boolean;
  /** Shown at the end of --help; each can be pasted into a shell as it stands. */
  readonly examples?: readonly CommandExample[];
  /** Adds --config FILE: a YAML or JSON file of the same options, which flags override. */
  readonly takesConfig?: boolean;
  /** The options that are meant, where those that are given say it only in part: a run that goes on knows its own. Throws bad-input. */
  complete?(given: GivenOptions): GivenOptions;
  /**
   * What the combination of options rules out, all of it, each beginning with the flag. It may throw bad-input or bad-usage, and does not open or
   * write anything. Where an option is wrong by itself, something stands in for it.
   */
  check?(options: z.output<S>, usage: CommandUsage<S>): readonly Problem[];
  /** Does the command. Throws PreftuneError; the frame turns it into messages and the exit code. */
  run(options: z.output<S>, context: CommandContext): Promise<void>;
}

/** A command whatever its options: what the frame runs. */
export type Command = CommandDefinition<OptionSchema>;

/** A command; inside its definition the options have their types. */
export function defineCommand<S extends OptionSchema>(definition: CommandDefinition<S>): Command {
  return definition as unknown as Command;
}

/** What main.ts knows of a command before it is asked for: its code is loaded only then. */
export interface CommandEntry {
  readonly name: string;
  readonly description: string;
  load(): Promise<Command>;
}
