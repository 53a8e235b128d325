import type { JsonObject, JsonValue } from '../../core/index.ts';
import type { Terminal } from './terminal.ts';

/** How an option's value is read. `texts` is one text, or a list of them when it is given again; `list` is separated by commas; `values` is a list whose items a file may give as numbers; `json` takes any JSON on the command line and any YAML in a file. */
export type OptionType =
  | 'string'
  | 'texts'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'list'
  | 'values'
  | 'json'
  | readonly string[];

/** One option of a command, on the command line and, where the command takes one, in its configuration file. */
export interface OptionEntry {
  /** The long flag: `--lora.rank`, `--max-length`. Dots nest: the value arrives in options.lora.rank. */
  readonly flag: `--${string}`;
  /** A shorter spelling: `-o`, `--rank`. */
  readonly alias?: `-${string}`;
  /** A tuple of strings is a choice. */
  readonly type: OptionType;
  /** What holds when nobody says otherwise; printed by --help. Without one the option is absent. */
  readonly default?: JsonValue;
  readonly help: string;
  readonly isRequired?: boolean;
  /** The heading in --help. */
  readonly group?: string;
  /** The dotted path of the value, where it is not the flag in camelCase (`--max-length` is maxLength). */
  readonly path?: string;
}

export interface ArgumentEntry {
  readonly name: string;
  readonly help: string;
  readonly isRequired?: boolean;
  /** Takes all remaining arguments; only the last one can. */
  readonly isVariadic?: boolean;
}

/** A command of the command line: its tables, and the function that does it. */
export interface Command {
  /** Words after `preftune`: `dpo`, `data check`. */
  readonly name: string;
  /** One line. */
  readonly description: string;
  readonly arguments?: readonly ArgumentEntry[];
  readonly options: readonly OptionEntry[];
  /** Adds --config FILE: a YAML or JSON file of the same options, which flags override. */
  readonly takesConfig?: boolean;
  /** What is wrong with the options besides their types, so that it is told together with words that were not understood. Throws bad-input. */
  check?(given: JsonObject): void;
  /** Does the command. Throws PreftuneError; the frame turns it into messages and the exit code. */
  run(context: CommandContext): Promise<void>;
}

/** What main.ts knows of a command before it is asked for: its code is loaded only then. */
export interface CommandEntry {
  readonly name: string;
  readonly description: string;
  load(): Promise<Command>;
}

export interface CommandContext {
  /** Positional arguments. */
  readonly args: readonly string[];
  /** What the configuration file and the flags say, nested, without defaults: for a schema that has defaults of its own. */
  readonly given: JsonObject;
  /** `given` over the table's defaults, nested. */
  readonly options: JsonObject;
  readonly isJson: boolean;
  readonly terminal: Terminal;
  /** Aborted by the first Ctrl-C: stop after this step and save. */
  readonly signal: AbortSignal;
  /** The environment, for what the ecosystem's contracts put there (HF_HOME, HF_TOKEN, ...). Nothing else may be read from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The dotted path at which an option's value arrives. */
export function pathOf(option: OptionEntry): string {
  return option.path ?? option.flag.slice(2).replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
