// The theme: the system's, unless a person chose one.
import { signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';
const themes: readonly Theme[] = ['auto', 'light', 'dark'];

export const theme = signal<Theme>('auto');

export function startTheme(): void {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem('theme');
  } catch {
    // Without storage the choice lives as long as the page.
  }
  set(themes.find((known) => known === stored) ?? 'auto');
}

export function nextTheme(): void {
  set(themes[(themes.indexOf(theme.value) + 1) % themes.length]!);
}

function set(chosen: Theme): void {
  theme.value = chosen;
  document.documentElement.dataset['theme'] = chosen;
  try {
    localStorage.setItem('theme', chosen);
  } catch {
    // As above.
  }
}
