// What the whole page shares. Screens read signals; only this file and live.ts write them.
import { computed, signal } from '@preact/signals';
import { RateHistory } from './rates';
import type { HomeAnswer, StateAnswer } from './types';

/** Grows whenever everything on screen is to be asked again: the input was read anew, or the server is back. */
export const tick = signal(0);
export const state = signal<StateAnswer | null>(null);
export const stateError = signal<string | null>(null);
export const home = signal<HomeAnswer | null>(null);
export const homeError = signal<string | null>(null);
export const connection = signal<'connecting' | 'open' | 'lost'>('connecting');

export const rates = new RateHistory();
/** Grows with each message of counters, so that what draws them is drawn again. */
export const ratesTick = signal(0);
/** Grows when something new happened to the proxy, so that the timeline is asked again. */
export const timelineTick = signal(0);

export const helpWord = signal<string | null>(null);
export const announcement = signal('');

/** Files given to the page in this tab; the server forgets them after a while. */
export const dropped = signal<readonly { id: string; name: string }[]>(readDropped());

export const hasSeveralNodes = computed(() => (state.value?.nodes.length ?? 0) > 1);

function readDropped(): { id: string; name: string }[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem('dropped') ?? '[]');
    return Array.isArray(found) ? found.filter((item) => typeof item?.id === 'string' && typeof item?.name === 'string') : [];
  } catch {
    return [];
  }
}

export function rememberDropped(id: string, name: string): void {
  dropped.value = [{ id, name }, ...dropped.value.filter((item) => item.id !== id)].slice(0, 3);
  try {
    sessionStorage.setItem('dropped', JSON.stringify(dropped.value));
  } catch {
    // Without storage the list lives as long as the page.
  }
}
