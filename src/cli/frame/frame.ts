import { Command as Parser } from 'commander';
import { badUsage, didYouMean, formatProblems, nearestName, PreftuneError, shownValue } from '../../core/index.ts';
import { placeErrorOf } from '../../files/index.ts';
import type { Command, CommandEntry } from './command.ts';
import { formatHelp } from './help-layout.ts';
import { EXIT_INTERRUPTED, watchInterrupts, type SignalSource } from './interrupt.ts';
import { createTerminal, DEFAULT_COLUMNS, fitted, type Terminal } from './terminal.ts';
import type { TextStream } from './text-stream.ts';

/** The process, as far as the command line touches it. */
export interface CliProcess {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signals: SignalSource;
  /** Ends the process at once, as the signal would that nobody listens to. */
  endAtOnce(): void;
}

export interface CliOptions {
  readonly version: string;
  readonly commands: readonly CommandEntry[];
  /** What there is instead of a command that does not exist but that people look for: `dpo trains on pairs of answers`. */
  readonly instead?: (wanted: string) => Promise<string | undefined>;
  readonly process: CliProcess;
}

/**
 * Runs one command line and resolves with its exit code: 0 done, 1 failed, 2 wrong usage or bad input, 130 stopped by Ctrl-C. Results
 * go to stdout, problems to stderr; nothing is thrown.
 *
 * @example
 * ```ts
 * import { defineCommand, runCli } from 'preftune/cli';
 * import { option } from 'preftune/options';
 * import { z } from 'zod';
 *
 * const hello = defineCommand({
 *   name: 'hello',
 *   description: 'Says hello',
 *   options: z.strictObject({ name: option(z.string().default('you'), { help: 'who is greeted' }) }),
 *   run: async ({ name }, { terminal }) => terminal.result({ name }, `Hello ${name}`),
 * });
 * const { stdout, stderr, env } = process;
 * process.exitCode = await runCli(process.argv.slice(2), {
 *   version: '1.0.0',
 *   commands: [{ name: hello.name, description: hello.description, load: async () => hello }],
 *   process: { stdout, stderr, environment: env, signals: process, endAtOnce: () => process.exit(130) },
 * });
 * ```
 */
export async function runCli(words: readonly string[], options: CliOptions): Promise<number> {
  const { version, commands, process } = options;
  const { stdout, stderr, environment } = process;
  const began = performance.now();
  const isJson = asksForJson(words);
  let command: Command | undefined;
  const hasEvents = (): boolean => command?.hasEvents === true;
  const terminal = createTerminal({ stdout, stderr, isJson, hasEvents, environment });
  const columns = widthOf(stdout, environment);
  try {
    const first = words[0];
    if (first === '--version' || first === '-V' || first === '-v') {
      terminal.result({ version }, version);
      return 0;
    }
    const wanted = first === 'help' ? [...words.slice(1), '--help'] : words;
    const { entry, rest } = await findCommand(options, wanted);
    if (first === 'help') checkHelpWords(entry, rest);
    if (entry === undefined) {
      const group = wanted.filter((word) => !word.startsWith('-')).join(' ');
      const help = programHelp(commands, { group, columns });
      if (['--help', '--help-all', '-h'].some((flag) => wanted.includes(flag))) {
        stdout.write(help);
        return 0;
      }
      stderr.write(help);
      return 2;
    }
    command = await entry.load();
    // Not loaded for --help and --version, which need no options.
    const { parseCommand } = await import('./parse-command.ts');
    const parsed = parseCommand(command, rest, environment);
    if (parsed.help !== undefined) {
      const { commandHelp } = await import('./command-help.ts');
      stdout.write(commandHelp(command, { columns, isWhole: parsed.help === 'all' }));
      return 0;
    }
    const interrupts = watchInterrupts(process.signals, {
      onFirst: () => terminal.note('stopping after this step; Ctrl-C again ends at once'),
      onSecond: () => {
        terminal.close();
        process.endAtOnce();
      },
    });
    try {
      await command.run(parsed.options, { ...parsed.usage, terminal, signal: interrupts.signal });
    } finally {
      interrupts.dispose();
    }
    terminal.close();
    terminal.event({ event: 'done', seconds: (performance.now() - began) / 1000, peakBytes: peakBytes() });
    return 0;
  } catch (error) {
    return report(error, { isJson, terminal, stderr });
  } finally {
    terminal.close();
  }
}

/** Whether the words ask for JSON, for errors that come before the options are understood. */
function asksForJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end < 0 ? words.length : end).includes('--json');
}

/** The longest command name that the words begin with, and the words after it. Throws bad-usage for one that does not exist. */
async function findCommand(
  { commands, instead }: CliOptions,
  words: readonly string[],
): Promise<{ entry: CommandEntry | undefined; rest: readonly string[] }> {
  const end = words.findIndex((word) => word.startsWith('-'));
  const named = words.slice(0, end < 0 ? words.length : end);
  for (let count = named.length; count > 0; count--) {
    const entry = commands.find(({ name }) => name === named.slice(0, count).join(' '));
    if (entry !== undefined) return { entry, rest: words.slice(count) };
  }
  const isGroup = commands.some(({ name }) => name.startsWith(`${named.join(' ')} `));
  if (named.length === 0 || isGroup) {
    const stray = words.find((word) => word.startsWith('-') && !PROGRAM_FLAGS.includes(word));
    if (stray === undefined) return { entry: undefined, rest: [] };
    const near = nearestName(stray, ['--version', ...PROGRAM_FLAGS]);
    throw badUsage(
      near === undefined
        ? `preftune: a command must come before options, got ${stray} first; see preftune --help`
        : `preftune: ${stray} is not an option; did you mean ${near}?`,
    );
  }
  // A second word belongs to the name where the first is that of a group, or both together are near one.
  const both = named.slice(0, 2).join(' ');
  const names = commands.map(({ name }) => name);
  const isOfTwo = names.some((name) => name.startsWith(`${named[0]!} `)) || nearestName(both, names) !== undefined;
  const hint = (isOfTwo ? undefined : await instead?.(named[0]!)) ?? nearCommand(named, names);
  throw badUsage(`preftune: ${isOfTwo ? both : named[0]!} is not a command; ${hint}`);
}

/** The flags that are understood without a command. */
const PROGRAM_FLAGS: readonly string[] = ['--help', '--help-all', '-h', '--json'];

/** What to type instead of words that name no command: a near name, or the group that has one of this name. */
function nearCommand(named: readonly string[], names: readonly string[]): string {
  const first = named[0]!;
  const near = nearestName(named.slice(0, 2).join(' '), names);
  const within = names.find((name) => name.endsWith(` ${first}`)) ?? near;
  if (within !== undefined) return `did you mean ${within}?`;
  const isGroup = names.some((name) => name.startsWith(`${first} `));
  if (isGroup) return `see preftune ${first} --help for its commands`;
  const groupWords = [...new Set(names.map((name) => name.split(' ')[0]!))];
  return didYouMean(first, groupWords, 'see preftune --help for the commands');
}

/** `preftune help COMMAND` takes nothing behind the command. */
function checkHelpWords(entry: CommandEntry | undefined, rest: readonly string[]): void {
  const surplus = rest.filter((word) => !word.startsWith('-'));
  if (entry === undefined || surplus.length === 0) return;
  throw badUsage(
    `preftune: help takes a command alone, got ${entry.name} and ${surplus.map(shownValue).join(', ')}; leave the rest out`,
  );
}

/** `preftune --help`, or that of a group such as `data`. */
function programHelp(
  commands: readonly CommandEntry[],
  { group, columns }: { group: string; columns: number },
): string {
  const title = group === '' ? 'preftune' : `preftune ${group}`;
  const parser = new Parser(title)
    .usage('<command> [options]')
    .description('Turns preferences into a better language model.')
    .helpOption(false)
    .helpCommand(false);
  for (const { name, description } of commands) {
    if (group === '') parser.addCommand(new Parser(name).description(description));
    else if (name.startsWith(`${group} `)) {
      parser.addCommand(new Parser(name.slice(group.length + 1)).description(description));
    }
  }
  parser.configureHelp({ subcommandTerm: (command) => command.name() });
  return formatHelp(parser, { columns, note: `Run ${title} <command> --help for its options and their defaults.` });
}

function report(thrown: unknown, to: { isJson: boolean; terminal: Terminal; stderr: TextStream }): number {
  to.terminal.close();
  // A folder that cannot be written and a disk that is full are nobody's fault, wherever they are met.
  const error = thrown instanceof PreftuneError ? thrown : (placeErrorOf(thrown) ?? thrown);
  if (!(error instanceof PreftuneError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (to.isJson) to.terminal.event({ event: 'error', error: { code: 'internal', problems: [{ message: text }] } });
    else to.stderr.write(`internal: ${text}\nThis is a fault of preftune's own; please report it with the command.\n`);
    return 1;
  }
  const { code, problems } = error;
  if (to.isJson) to.terminal.event({ event: 'error', error: { code, problems: problems.map((one) => ({ ...one })) } });
  else to.stderr.write(`${fitted(to.stderr, formatProblems(problems), 2)}\n`);
  if (code === 'cancelled') return EXIT_INTERRUPTED;
  return code === 'bad-input' || code === 'bad-usage' ? 2 : 1;
}

/** The most memory that this process held. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** Columns for help: the terminal's, else what COLUMNS says (POSIX), else 80; never above 100, for lines that can be read. */
function widthOf(stream: TextStream, environment: Readonly<Record<string, string | undefined>>): number {
  const fromEnvironment = Number(environment['COLUMNS']);
  const columns = stream.columns ?? (fromEnvironment > 0 ? fromEnvironment : DEFAULT_COLUMNS);
  return Math.min(columns, 100);
}
