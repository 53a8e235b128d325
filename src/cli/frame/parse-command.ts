import { Command as Parser, Help, Option } from 'commander';
import {
  badInput,
  badUsage,
  messageOf,
  PreftuneError,
  type Problem,
  type JsonObject,
  type JsonValue,
} from '../../core/index.ts';
import { showValue } from '../../store/index.ts';
import { pathOf, type ArgumentEntry, type Command, type OptionEntry, type OptionType } from './command.ts';
import { readConfig } from './config.ts';
import { nest, readText, suggest } from './options.ts';

/** What the parser found: texts as they were given, several of an option that may be repeated. */
type RawOptions = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What every command understands. */
const COMMON: readonly OptionEntry[] = [
  { flag: '--json', type: 'boolean', help: 'print results and errors as JSON', group: 'General:' },
  { flag: '--help', alias: '-h', type: 'boolean', help: 'print this', group: 'General:' },
];
const CONFIG: OptionEntry = {
  flag: '--config',
  type: 'string',
  help: 'YAML or JSON file of these options; flags override it',
  group: 'General:',
};

/** A command line that was understood. */
export interface ParsedCommand {
  readonly wantsHelp: boolean;
  readonly isJson: boolean;
  readonly args: readonly string[];
  readonly given: JsonObject;
  readonly options: JsonObject;
}

/** Whether the words ask for JSON, for errors that come before the options are understood. */
export function asksForJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end < 0 ? words.length : end).includes('--json');
}

/**
 * Reads the words after a command's name. Throws bad-usage with all problems at once: unknown options (with the nearest known one), values of a wrong
 * type, missing required options and arguments, surplus arguments; and bad-input for the configuration file.
 */
export function parseCommand(command: Command, words: readonly string[]): ParsedCommand {
  const entries = entriesOf(command);
  const parser = createParser(command);
  let operands: string[];
  let unknown: string[];
  try {
    ({ operands, unknown } = parser.parseOptions([...words]));
  } catch (error) {
    throw usage(command, [{ message: messageOf(error).replace(/^error: /, '') }]);
  }
  const raw = parser.opts() as RawOptions;
  if (raw['help'] === true) return { wantsHelp: true, isJson: false, args: [], given: {}, options: {} };

  const problems: Problem[] = [];
  const args = [...operands, ...readUnknown(unknown, entries, problems)];
  const flags = readFlags(entries, raw, problems);
  const { config, configError } = tryConfig(raw['config'], command.options);
  const given = new Map([...config, ...flags]);
  const defaults = command.options.flatMap((option) =>
    option.default === undefined ? [] : [[pathOf(option), option.default] as const],
  );
  for (const option of command.options) {
    const isGiven = given.has(pathOf(option)) || raw[parserKey(option)] !== undefined || configError !== undefined;
    if (option.isRequired === true && !isGiven) {
      problems.push({ path: pathOf(option), message: `${option.flag} is required; ${option.help}` });
    }
  }
  checkArguments(command.arguments ?? [], args, problems);
  if (configError !== undefined) throw badInput([...configError.problems, ...usage(command, problems).problems]);
  if (problems.length > 0)
    throw badUsage([...usage(command, problems).problems, ...furtherProblems(command, given, problems)]);
  return {
    wantsHelp: false,
    isJson: raw['json'] === true,
    args,
    given: nest(given),
    options: nest(new Map([...defaults, ...given])),
  };
}

/** What the command itself finds wrong with the options that were understood. */
function furtherProblems(
  command: Command,
  given: ReadonlyMap<string, JsonValue>,
  known: readonly Problem[],
): readonly Problem[] {
  try {
    command.check?.(nest(given));
    return [];
  } catch (error) {
    if (!(error instanceof PreftuneError)) throw error;
    return error.problems.filter(({ path }) => path === undefined || known.every((one) => one.path !== path));
  }
}

/** The text of `preftune COMMAND --help`, at most `columns` wide. */
export function commandHelp(command: Command, columns: number): string {
  return formatHelp(createParser(command), columns);
}

/** A parser's help. Where the descriptions would have less than 34 columns beside the options they stand below them. */
export function formatHelp(parser: Parser, columns: number, note?: string): string {
  const width = Math.max(columns, 20);
  const help = parser.createHelp();
  parser.configureHelp({
    ...parser.configureHelp(),
    helpWidth: width,
    minWidthToWrap: 10,
    formatItem(term, termWidth, description, helper) {
      if (width - termWidth >= 38) return Help.prototype.formatItem.call(this, term, termWidth, description, helper);
      const text = helper.boxWrap(description, width - 6).replaceAll(/^/gm, '      ');
      return `  ${term}\n${text}`;
    },
  });
  const [usageLine = '', ...rest] = parser.helpInformation().split('\n');
  const wrap = (line: string): string => help.boxWrap(line, width);
  return [wrap(usageLine), ...rest, ...(note === undefined ? [] : [wrap(note), ''])].join('\n');
}

function createParser(command: Command): Parser {
  const parser = new Parser(`preftune ${command.name}`)
    .description(command.description)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
    .helpOption(false);
  for (const { name, help, isRequired = false, isVariadic = false } of command.arguments ?? []) {
    const word = isVariadic ? `${name}...` : name;
    parser.argument(isRequired ? `<${word}>` : `[${word}]`, help);
  }
  for (const entry of entriesOf(command)) {
    for (const option of parserOptions(entry)) parser.addOption(option);
  }
  return parser;
}

function parserOptions(entry: OptionEntry): Option[] {
  const value = entry.type === 'boolean' ? '' : ` <${placeholder(entry.type)}>`;
  const flags = `${entry.alias === undefined ? '' : `${entry.alias}, `}${entry.flag}${value}`;
  const notes = [
    ...(entry.isRequired === true ? ['required'] : []),
    ...(entry.default === undefined || entry.type === 'boolean' ? [] : [`default: ${showDefault(entry.default)}`]),
    ...(typeof entry.type === 'string' || placeholder(entry.type) !== 'choice' ? [] : [entry.type.join(', ')]),
  ];
  const help = notes.length === 0 ? entry.help : `${entry.help} (${notes.join('; ')})`;
  const option = new Option(flags, help);
  // Every value is kept as the text that was given; an option given twice is its last value.
  option.helpGroup(entry.group ?? 'Options:');
  if (entry.type === 'texts') option.argParser((text, before: string[] | undefined) => [...(before ?? []), text]);
  if (entry.type !== 'boolean' || entry.default !== true) return [option];
  const negative = new Option(`--no-${entry.flag.slice(2)}`, `do not ${entry.help}`);
  return [option.hideHelp(), negative.helpGroup(entry.group ?? 'Options:')];
}

function placeholder(type: OptionType): string {
  if (typeof type === 'string') return type === 'string' || type === 'texts' ? 'text' : type;
  const choices = type.join('|');
  return choices.length <= 28 ? choices : 'choice';
}

function showDefault(value: JsonValue): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : showValue(value);
}

function entriesOf(command: Command): OptionEntry[] {
  return [...command.options, ...(command.takesConfig === true ? [CONFIG] : []), ...COMMON];
}

/** The configuration file's options, or what is wrong with it, to be reported together with the flags. */
function tryConfig(
  file: RawOptions[string],
  options: readonly OptionEntry[],
): { config: Map<string, JsonValue>; configError?: PreftuneError } {
  if (typeof file !== 'string') return { config: new Map() };
  try {
    return { config: readConfig(file, options) };
  } catch (error) {
    if (error instanceof PreftuneError) return { config: new Map(), configError: error };
    throw error;
  }
}

/** Where commander keeps an option's value: its long name in camelCase, dots kept. */
function parserKey(option: OptionEntry): string {
  return option.flag
    .slice(2)
    .split('-')
    .reduce((name, word) => name + word[0]!.toUpperCase() + word.slice(1));
}

function readFlags(entries: readonly OptionEntry[], raw: RawOptions, problems: Problem[]): Map<string, JsonValue> {
  const values = new Map<string, JsonValue>();
  const isFlag = (text: string): boolean => entries.some(({ flag, alias }) => text === flag || text === alias);
  for (const entry of entries) {
    const text = raw[parserKey(entry)];
    if (text === undefined || entry === CONFIG || COMMON.includes(entry)) continue;
    const path = pathOf(entry);
    if (typeof text === 'boolean') {
      values.set(path, text);
      continue;
    }
    if (typeof text !== 'string') {
      const flag = text.find(isFlag);
      if (flag !== undefined) problems.push({ path, message: `${entry.flag} needs a value, got the option ${flag}` });
      values.set(path, text.length === 1 ? text[0]! : text);
      continue;
    }
    const reading = isFlag(text) ? { problem: `needs a value, got the option ${text}` } : readText(entry.type, text);
    if ('problem' in reading) problems.push({ path, message: `${entry.flag} ${reading.problem}` });
    else values.set(path, reading.value);
  }
  return values;
}

/** Reports what the parser did not know, and returns the arguments among it. */
function readUnknown(unknown: readonly string[], entries: readonly OptionEntry[], problems: Problem[]): string[] {
  const args: string[] = [];
  const flags: string[] = entries.flatMap(({ flag, alias }) => (alias === undefined ? [flag] : [flag, alias]));
  for (let i = 0; i < unknown.length; i++) {
    const word = unknown[i]!;
    if (word === '--') return [...args, ...unknown.slice(i + 1)];
    if (!/^-./.test(word)) {
      args.push(word);
      continue;
    }
    const name = word.split('=')[0]!;
    if (flags.includes(name)) {
      problems.push({
        path: name.replace(/^-+/, ''),
        message: `${name} takes no value, got ${word}; leave out the value`,
      });
      continue;
    }
    const near = suggest(
      name,
      flags.filter((flag) => flag.startsWith('--')),
    );
    const hint = near === undefined ? 'see --help for the options' : `did you mean ${near}?`;
    problems.push({ path: name.replace(/^-+/, ''), message: `unknown option ${name}; ${hint}` });
    // What follows is most likely its value.
    if (name === word && i + 1 < unknown.length && !unknown[i + 1]!.startsWith('-')) i += 1;
  }
  return args;
}

function checkArguments(entries: readonly ArgumentEntry[], args: readonly string[], problems: Problem[]): void {
  for (const entry of entries.slice(args.length)) {
    if (entry.isRequired === true) problems.push({ message: `${entry.name} is required; ${entry.help}` });
  }
  if (args.length <= entries.length || entries.at(-1)?.isVariadic === true) return;
  const surplus = args.slice(entries.length).map((arg) => `'${arg}'`);
  problems.push({ message: `must be given at most ${entries.length} arguments, got also ${surplus.join(', ')}` });
}

function usage(command: Command, problems: readonly Problem[]): PreftuneError {
  return badUsage(problems.map((problem) => ({ ...problem, message: `preftune ${command.name}: ${problem.message}` })));
}
