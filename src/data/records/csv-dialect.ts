import type { CsvDialect } from './csv.ts';

const SEPARATORS = [',', ';', '\t', '|'];
/** The header is looked for in so many bytes. */
export const DIALECT_BYTES = 64 * 1024;

/** Whether a name says that its bytes are a table of text. */
export function isTableName(name: string): boolean {
  return /\.(csv|tsv|tab)(\.(gz|zst|zstd))?$/i.test(name);
}

/**
 * What separates the fields: in .tsv the tab; else the one of comma, semicolon, tab and bar that stands most often in the first
 * line, outside quotes. The earlier one of two that tie.
 */
export function dialectOf(head: Uint8Array, name: string): CsvDialect {
  if (/\.(tsv|tab)(\.(gz|zst|zstd))?$/i.test(name)) return { separator: 9 };
  const counts = SEPARATORS.map(() => 0);
  let isQuoted = false;
  for (const byte of head.subarray(0, DIALECT_BYTES)) {
    if (byte === 0x22) isQuoted = !isQuoted;
    if (isQuoted) continue;
    if (byte === 0x0a) break;
    const index = SEPARATORS.indexOf(String.fromCharCode(byte));
    if (index >= 0) counts[index]!++;
  }
  const best = counts.indexOf(Math.max(...counts));
  return { separator: SEPARATORS[best]!.charCodeAt(0) };
}

/** A dialect in words: `CSV`, `CSV separated by ;`, `TSV`. */
export function dialectText({ separator }: CsvDialect): string {
  if (separator === 9) return 'TSV';
  return separator === 0x2c ? 'CSV' : `CSV separated by ${String.fromCharCode(separator)}`;
}
