export type Theme = 'system' | 'light' | 'dark';

const NAME = 'preftune-theme';

/** What this browser was told; where nothing can be kept, the system decides. */
export function readTheme(): Theme {
  try {
    const kept = localStorage.getItem(NAME);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}

export function applyTheme(theme = readTheme()): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

export function setTheme(theme: Theme): void {
  try {
    localStorage.setItem(NAME, theme);
  } catch {
    // It holds until the page is left.
  }
  applyTheme(theme);
}
