import type { Command as Parser } from 'commander';
import {
  badInput,
  badUsage,
  didYouMean,
  messageOf,
  PreftuneError,
  problemsOf,
  shellWord,
  shownValue,
  type Problem,
  type JsonValue,
} from '../../core/index.ts';
import {
  flagOf,
  optionsOf,
  readOptions,
  valueOfWords,
  withValueAt,
  type GivenOptions,
  type Option,
} from '../../options/index.ts';
import { createParser } from './command-help.ts';
import type { Command, CommandUsage } from './command.ts';
import { commonFlags } from './common-flags.ts';
import { readConfig, type Config, type Place } from './config.ts';

/** What the parser found: texts as they were given, several of an option that may be repeated. */
type RawOptions = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** A command line that was understood, or a wish for help. */
export type ParsedCommand =
  | { readonly help: 'common' | 'all' }
  | { readonly help?: undefined; readonly usage: CommandUsage; readonly options: Record<string, unknown> };

/**
 * Reads the words after a command's name. Throws with all problems at once: unknown options (with the nearest known one), surplus arguments, keys of the
 * configuration file with line and column, whatever the schema refuses, and what the command itself finds wrong with the combination. It is
 * bad-usage, or bad-input where a file is among what is wrong.
 */
export function parseCommand(
  command: Command,
  words: readonly string[],
  environment: CommandUsage['environment'],
): ParsedCommand {
  const parser = createParser(command);
  const problems: Problem[] = [];
  const { operands, unknown } = splitWords(parser, words);
  const raw = parser.opts() as RawOptions;
  if (raw['helpAll'] === true) return { help: 'all' };
  if (raw['help'] === true) return { help: 'common' };

  const own = optionsOf(command.options);
  const args = [...operands, ...readUnknown(unknown, [...own, ...commonFlags(command)], problems)];
  checkArguments(command, args, problems);
  const flags = readFlags(own, raw, problems);
  const config = tryConfig(raw['config'], own, problems);
  let given: GivenOptions = {};
  for (const [path, value] of [...config.values, ...flags]) given = withValueAt(given, path, value);
  const placeOf = (path: string | undefined): Place | undefined => {
    if (path === undefined || flags.has(path)) return undefined;
    // A problem inside a value stands where its option does.
    const owner = path.lastIndexOf('.');
    return config.places.get(path) ?? (owner < 0 ? undefined : placeOf(path.slice(0, owner)));
  };
  const known = new Set(problems.map(({ path }) => path));
  const usage = { args, isJson: raw['json'] === true, environment };
  const read = readGiven(command, {
    usage: { ...usage, given },
    nameOf: (path) => (placeOf(path) === undefined ? flagOf(path) : path),
    // What a file that was not understood gives is not known.
    mayLack: config.problems.length > 0,
    // Of combinations nothing can be said where a whole file is missing.
    isUnread: config.problems.length > 0 && config.values.size === 0,
  });
  for (const problem of 'problems' in read ? read.problems : [])
    if (problem.path === undefined || !known.has(problem.path)) problems.push({ ...placeOf(problem.path), ...problem });
  if (problems.length > 0)
    throw problems.some(({ file }) => file !== undefined) ? badInput(problems) : badUsage(problems);
  return read as Exclude<typeof read, { problems: unknown }>;
}

interface GivenRequest {
  readonly usage: CommandUsage;
  readonly nameOf: (path: string) => string;
  readonly mayLack: boolean;
  readonly isUnread: boolean;
}

/** The options that are given, completed and checked, or what is wrong with them. */
function readGiven(
  { options: schema, complete, check }: Command,
  { usage, nameOf, mayLack, isUnread }: GivenRequest,
): Exclude<ParsedCommand, { help: string }> | { readonly problems: readonly Problem[] } {
  let given: GivenOptions = usage.given;
  const incomplete = problemsOf(() => (given = complete?.(given) ?? given));
  if (incomplete.length > 0) return { problems: incomplete };
  const whole = { ...usage, given };
  let further: readonly Problem[] = [];
  const read = readOptions(schema, {
    given,
    nameOf,
    mayLack,
    check(options) {
      if (isUnread) return [];
      const thrown = problemsOf(() => (further = check?.(options, whole) ?? []));
      return thrown.length > 0 ? thrown : further;
    },
  });
  return 'problems' in read ? read : { usage: whole, options: read.options };
}

/** Takes the words apart. Throws bad-usage for an option at the end that lacks its value. */
function splitWords(parser: Parser, words: readonly string[]): { operands: string[]; unknown: string[] } {
  try {
    return parser.parseOptions([...words]);
  } catch (error) {
    const message = messageOf(error).replace(/^error: /, '');
    const flag = /(--[\w.-]+) /.exec(message)?.[1];
    throw badUsage(flag === undefined ? message : `${flag} needs a value, got none`);
  }
}

/** The configuration file's options; what is wrong with it is told together with the flags. */
function tryConfig(file: RawOptions[string], options: readonly Option[], problems: Problem[]): Config {
  const nothing = { values: new Map(), places: new Map() };
  if (typeof file !== 'string') return { ...nothing, problems: [] };
  try {
    const config = readConfig(file, options);
    problems.unshift(...config.problems);
    return config;
  } catch (error) {
    if (!(error instanceof PreftuneError)) throw error;
    problems.unshift(...error.problems);
    return { ...nothing, problems: error.problems };
  }
}

/** Where commander keeps an option's value: its long name in camelCase, dots kept. */
function parserKey({ flag }: Option): string {
  return flag
    .slice(2)
    .split('-')
    .reduce((name, word) => name + word[0]!.toUpperCase() + word.slice(1));
}

function readFlags(options: readonly Option[], raw: RawOptions, problems: Problem[]): Map<string, JsonValue> {
  const values = new Map<string, JsonValue>();
  const isFlag = (text: string): boolean => options.some(({ flag, meta }) => text === flag || text === meta.alias);
  for (const option of options) {
    const text = raw[parserKey(option)];
    if (text === undefined) continue;
    const { path, flag, kind, meta } = option;
    if (typeof text === 'boolean') {
      values.set(path, text);
      continue;
    }
    const given = [text].flat();
    const other = given.find(isFlag);
    if (other !== undefined) problems.push({ path, message: `${flag} needs a value, got the option ${other}` });
    else if (
      kind.type === 'json' &&
      !isJson(given[0]!) &&
      (meta.itemOfWord === undefined || /^\s*[[{]/.test(given[0]!))
    )
      problems.push({ path, message: `${flag} must be JSON, got ${shownValue(given[0])}` });
    else if (given.length > 1) values.set(path, given);
    else problems.push(...problemsOf(() => values.set(path, valueOfWords(option, given[0]!))));
  }
  return values;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Reports what the parser did not know, and returns the arguments among it. */
function readUnknown(unknown: readonly string[], options: readonly Option[], problems: Problem[]): string[] {
  const args: string[] = [];
  const flags: string[] = options.flatMap(({ flag, meta }) => (meta.alias === undefined ? [flag] : [flag, meta.alias]));
  for (let i = 0; i < unknown.length; i++) {
    const word = unknown[i]!;
    if (word === '--') return [...args, ...unknown.slice(i + 1)];
    if (!/^-./.test(word)) {
      args.push(word);
      continue;
    }
    const name = word.split('=')[0]!;
    const path = name.replace(/^-+/, '');
    if (flags.includes(name)) {
      problems.push({ path, message: `${name} takes no value, got ${word}; leave out the value` });
      continue;
    }
    const long = flags.filter((flag) => flag.startsWith('--'));
    const hint = didYouMean(name, long, 'see --help-all for the options');
    problems.push({ path, message: `${name} is not an option; ${hint}` });
    // What follows is most likely its value.
    if (name === word && i + 1 < unknown.length && !unknown[i + 1]!.startsWith('-')) i += 1;
  }
  return args;
}

/** Arguments that are missing, or more than the command takes. */
function checkArguments(command: Command, args: readonly string[], problems: Problem[]): void {
  const { name, arguments: entries = [] } = command;
  for (const entry of entries.slice(args.length))
    if (entry.isRequired === true) problems.push({ message: `${name}: ${entry.name} is required; ${entry.help}` });
  for (const [place, arg] of args.entries()) {
    const { name: what, choices } = entries[place] ?? {};
    if (choices !== undefined && !choices.includes(arg))
      problems.push({
        message: `${name}: ${what} must be one of ${choices.join(', ')}, got ${shownValue(arg)}; ${didYouMean(arg, choices, 'take one of them')}`,
      });
  }
  if (args.length <= entries.length || entries.at(-1)?.isVariadic === true) return;
  const surplus = args.slice(entries.length);
  const takes = entries.length === 0 ? 'no arguments' : `one argument, ${entries[0]!.name}`;
  problems.push({
    message: `${name}: must be given ${takes}, got ${surplus.map(shownValue).join(', ')}${entries.length > 0 ? ' too' : ''}; ${adviceOf(command, surplus)}`,
  });
}

/** Where surplus words belong: a prompt and rows are named by options, where no argument is meant. */
function adviceOf({ arguments: entries = [], options }: Command, surplus: readonly string[]): string {
  const flags = entries.length > 0 ? [] : optionsOf(options);
  const [prompt, data] = ['prompt', 'data'].map((wanted) => flags.find(({ path }) => path === wanted)?.flag);
  if (prompt !== undefined) return `if it is the prompt: ${prompt} ${shellWord(surplus.join(' '))}`;
  if (data === undefined) return 'leave it out';
  return `if these are rows: ${surplus.map((word) => `${data} ${shellWord(word)}`).join(' ')}`;
}
