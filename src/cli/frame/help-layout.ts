import { Help, type Command as Parser } from 'commander';

/** Help is never laid out for less. */
export const NARROWEST_COLUMNS = 20;

export interface HelpLayout {
  readonly columns: number;
  /** Lines of examples, laid out. */
  readonly examples?: readonly string[];
  /** The last paragraph. */
  readonly note?: string | undefined;
}

/** A parser's help. A description that would have less than 34 columns beside its option, or no room for its longest word, stands below it. */
export function formatHelp(parser: Parser, { columns, examples = [], note }: HelpLayout): string {
  const width = Math.max(columns, NARROWEST_COLUMNS);
  const help = parser.createHelp();
  parser.configureHelp({
    ...parser.configureHelp(),
    helpWidth: width,
    minWidthToWrap: 10,
    formatItem(term, termWidth, description, helper) {
      const longest = Math.max(...description.split(' ').map((word) => word.length));
      if (width - termWidth >= 4 + Math.max(34, longest))
        return Help.prototype.formatItem.call(this, term, termWidth, description, helper);
      const text = helper.boxWrap(description, width - 6).replaceAll(/^/gm, '      ');
      return `  ${term}\n${text}`;
    },
  });
  const [usageLine = '', ...rest] = parser.helpInformation().split('\n');
  const wrap = (line: string): string => help.boxWrap(line, width);
  const shown = examples.length === 0 ? [] : ['Examples:', ...examples, ''];
  return [wrap(usageLine), ...rest, ...shown, ...(note === undefined ? [] : [wrap(note), ''])].join('\n');
}
