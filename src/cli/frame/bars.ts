import type { ProgressBar } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** The bars of work in several parts, of which one is under way. */
export interface Bars {
  /** The bar of a part: a new one where another part was shown before. */
  of(label: string): ProgressBar;
}

export function createBars({ progress }: Pick<Terminal, 'progress'>): Bars {
  let shown: { readonly label: string; readonly bar: ProgressBar } | undefined;
  return {
    of(label) {
      if (shown?.label !== label) shown = { label, bar: progress(label) };
      return shown.bar;
    },
  };
}
