import { optionsOf, type Option, type OptionKind } from '../../options/index.ts';
import type { Command } from '../frame/command.ts';
import { commonFlags } from '../frame/common-flags.ts';

/** What may stand behind a flag, or as an argument: some words, a file, anything else, or, behind a switch, nothing. */
export type Completed =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'files' | 'anything' | 'nothing' };

export interface CompletedFlag {
  /** Each spelling: `--model`, `-m`. */
  readonly names: readonly string[];
  readonly help: string;
  readonly value: Completed;
}

/** What can be typed after one command. */
export interface CompletedCommand {
  /** Words after `preftune`: `dpo`, `data check`. */
  readonly name: string;
  readonly help: string;
  readonly flags: readonly CompletedFlag[];
  readonly argument: Completed;
}

/** What can be completed of commands, from the declarations of their options. */
export function completedCommands(commands: readonly Command[]): readonly CompletedCommand[] {
  return commands.map((command) => ({
    name: command.name,
    help: command.description,
    flags: [...optionsOf(command.options), ...commonFlags(command)].flatMap(flagsOf),
    argument: argumentOf(command),
  }));
}

/** The words at a place: commands alone, and the first words of groups. */
export function firstWords(
  commands: readonly CompletedCommand[],
): readonly { readonly word: string; readonly help: string }[] {
  const words = new Map<string, string>();
  for (const { name, help } of commands) {
    const [first = '', second] = name.split(' ');
    if (!words.has(first)) words.set(first, second === undefined ? help : `commands about ${first}`);
  }
  return [...words].map(([word, help]) => ({ word, help }));
}

/** The second words of a group. */
export function secondWords(
  commands: readonly CompletedCommand[],
): ReadonlyMap<string, readonly { readonly word: string; readonly help: string }[]> {
  const groups = new Map<string, { word: string; help: string }[]>();
  for (const { name, help } of commands) {
    const [first = '', second] = name.split(' ');
    if (second !== undefined) groups.set(first, [...(groups.get(first) ?? []), { word: second, help }]);
  }
  return groups;
}

/** As --help shows it: of a switch the spelling that changes something, or both. */
function flagsOf({ flag, meta, kind, default: usual }: Option): CompletedFlag[] {
  const names = [flag, ...(meta.alias === undefined ? [] : [meta.alias])];
  const own = { names, help: meta.help, value: valueOf(kind) };
  if (kind.type !== 'boolean' || (usual !== true && meta.usually === undefined)) return [own];
  const negative = {
    names: [`--no-${flag.slice(2)}`],
    help: `do not ${meta.help}`,
    value: { kind: 'nothing' },
  } as const;
  return usual === true ? [negative] : [own, negative];
}

function valueOf(kind: OptionKind): Completed {
  switch (kind.type) {
    case 'boolean':
      return { kind: 'nothing' };
    case 'choice':
    case 'number-or':
      return { kind: 'words', words: kind.choices };
    case 'list':
      return kind.choices === undefined ? { kind: 'anything' } : { kind: 'words', words: kind.choices };
    case 'values':
      return valueOf(kind.of);
    case 'text':
    case 'texts':
      return { kind: 'files' };
    default:
      return { kind: 'anything' };
  }
}

function argumentOf({ arguments: entries = [] }: Command): Completed {
  const [first] = entries;
  if (first === undefined) return { kind: 'nothing' };
  return first.choices === undefined ? { kind: 'files' } : { kind: 'words', words: first.choices };
}

/** Words and `help` with the flags that need no command. */
export const PROGRAM_WORDS: readonly string[] = ['help', '--help', '--version'];

/** The name of a command as a part of a shell function's name. */
export function shellName(name: string): string {
  return name.replaceAll(/\W/g, '_');
}
