import { Help, type Command as Parser } from 'commander';

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
