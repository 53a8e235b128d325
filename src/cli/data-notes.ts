import { formatLine, type DetectedFormat } from '../data/index.ts';
import type { Terminal } from './terminal.ts';

/** What each file was taken for. */
export function tellFormats(formats: readonly DetectedFormat[], terminal: Pick<Terminal, 'note'>): void {
  for (const format of formats) terminal.note(`${format.file}: ${formatLine(format)}`);
}
