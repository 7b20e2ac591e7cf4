// Shapes: each state has its own, so that colour is never all that tells them apart.
import type { Verdict } from '../types';

export const stateWord: Record<Verdict, string> = {
  fails: 'fails',
  unknown: 'unknown',
  limited: 'limited',
  works: 'works',
  pending: 'looking',
};

export function StateIcon({ state }: { state: Verdict }) {
  return (
    <svg class={`state-icon is-${state}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      {state === 'fails' && <><path class="fill" d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" /><path class="cut" d="M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6" /></>}
      {state === 'unknown' && <><circle class="dash" cx="8" cy="8" r="6.6" /><path class="line" d="M6.1 6.2a2 2 0 1 1 2.7 2c-.6.3-.8.6-.8 1.2M8 11.6v.1" /></>}
      {state === 'limited' && <><circle class="ring" cx="8" cy="8" r="6.6" /><path class="fill" d="M8 1.4a6.6 6.6 0 0 1 0 13.2z" /></>}
      {state === 'works' && <><circle class="ring" cx="8" cy="8" r="6.6" /><path class="line" d="M5 8.3l2.1 2.1L11.2 6" /></>}
      {state === 'pending' && <circle class="dash" cx="8" cy="8" r="6.6" />}
    </svg>
  );
}

export function State({ state, word }: { state: Verdict; word?: string }) {
  return <span class={`state is-${state}`}><StateIcon state={state} />{word ?? stateWord[state]}</span>;
}

const paths = {
  search: 'M11 11l4 4M7 12.2A5.2 5.2 0 1 0 7 1.8a5.2 5.2 0 0 0 0 10.4z',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  done: 'M2.5 8.5l3.5 3.5 7.5-8',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  whole: 'M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4',
  help: 'M6 6a2 2 0 1 1 2.8 1.9c-.6.3-.8.7-.8 1.3M8 11.8v.1M8 15A7 7 0 1 0 8 1a7 7 0 0 0 0 14z',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1',
  moon: 'M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1z',
  auto: 'M8 15A7 7 0 1 0 8 1a7 7 0 0 0 0 14zM8 1v14M8 4h4M8 8h6.5M8 12h4',
  drop: 'M8 2v8M4.5 6.5L8 10l3.5-3.5M2 11v3h12v-3',
  back: 'M10 3L5 8l5 5',
  close: 'M4 4l8 8M12 4l-8 8',
} as const;

export function Icon({ name }: { name: keyof typeof paths }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
