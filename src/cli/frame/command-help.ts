import { Command as Parser, Option as ParserOption } from 'commander';
import { commandLines, wrap } from '../../core/index.ts';
import { helpOf, optionsOf, placeholderOf, type Option } from '../../options/index.ts';
import type { Command } from './command.ts';
import { commonFlags, rareOptions } from './common-flags.ts';
import { formatHelp, NARROWEST_COLUMNS } from './help-layout.ts';

const OTHER = 'Options';

/** The parser of a command's words, which also lays out its help. Every value is kept as the text that was given. */
export function createParser(command: Command): Parser {
  const parser = new Parser(`preftune ${command.name}`)
    .description(command.description)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
    .helpOption(false);
  for (const { name, help, isRequired = false, isVariadic = false } of command.arguments ?? []) {
    const word = isVariadic ? `${name}...` : name;
    parser.argument(isRequired ? `<${word}>` : `[${word}]`, help);
  }
  for (const option of [...inGroups(command), ...commonFlags(command)])
    for (const each of parserOptions(option)) parser.addOption(each);
  return parser;
}

/** The options of a command in the order of help. */
export function inGroups({ options: schema, groups = [] }: Command): Option[] {
  const options = optionsOf(schema);
  const order = [...new Set([...groups, ...options.map(groupOf)])];
  return options.toSorted((a, b) => order.indexOf(groupOf(a)) - order.indexOf(groupOf(b)));
}

function groupOf({ meta }: Option): string {
  return meta.group ?? OTHER;
}

/** The flag; for a switch that is on by default the one that turns it off, which help shows instead, and both where another option decides the default. */
function parserOptions(option: Option): ParserOption[] {
  const { flag, kind, meta, default: value } = option;
  const heading = `${groupOf(option)}:`;
  const flags = [meta.alias, flag].filter((one) => one !== undefined).join(', ');
  const own = new ParserOption(`${flags} ${placeholderOf(kind, meta)}`.trim(), helpOf(option)).helpGroup(heading);
  if (kind.type === 'texts') own.argParser((text, before: string[] | undefined) => [...(before ?? []), text]);
  if (kind.type !== 'boolean' || (value !== true && meta.usually === undefined)) return [own];
  const negative = new ParserOption(`--no-${flag.slice(2)}`, `do not ${meta.help}`).helpGroup(heading);
  return [value === true ? own.hideHelp() : own, negative];
}

/** The text of `preftune COMMAND --help`, or with `isWhole` of --help-all, at most `columns` wide. */
export function commandHelp(command: Command, { columns, isWhole }: { columns: number; isWhole: boolean }): string {
  const parser = createParser(command);
  const rare = rareOptions(command);
  const hidden = new Set(isWhole ? [] : rare.map(({ flag }) => flag.slice(2)));
  // With nothing left out, --help-all says nothing new.
  if (isWhole || rare.length === 0) hidden.add('help-all');
  for (const option of parser.options) if (hidden.has((option.long ?? '').replace(/^--(no-)?/, ''))) option.hideHelp();
  const count = optionsOf(command.options).length;
  const note =
    isWhole || rare.length === 0
      ? undefined
      : `${count - rare.length} of ${count} options are shown; preftune ${command.name} --help-all prints all of them.`;
  return formatHelp(parser, { columns, note, examples: exampleLines(command, columns) });
}

/** A comment and a command for each example, so that all of them together can be pasted too. */
function exampleLines({ name, examples = [] }: Command, columns: number): string[] {
  const width = Math.max(columns, NARROWEST_COLUMNS) - 2;
  return examples.flatMap(({ does, words }) =>
    [
      ...wrap(does, width, { first: '# ', rest: '# ' }),
      ...commandLines(`npx preftune ${name} ${words}`.trimEnd(), width),
    ].map((line) => `  ${line}`),
  );
}
