import { formatLine, type DetectedFormat } from '../../data/index.ts';
import type { Terminal } from '../frame/terminal.ts';

/** What each file was taken for. */
export function tellFormats(formats: readonly DetectedFormat[], terminal: Pick<Terminal, 'note'>): void {
  for (const format of formats) {
    const isPlain = format.name.startsWith('plain ');
    terminal.note(`${format.file}: ${isPlain ? `${format.name}, from the first row's fields` : formatLine(format)}`);
  }
}
