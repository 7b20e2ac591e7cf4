// The stream of the server's events, and what is asked again because of them.
import { effect } from '@preact/signals';
import { address, ApiError, get } from './api';
import { route } from './router';
import { connection, home, homeError, rates, ratesTick, state, stateError, tick, timelineTick } from './store';
import type { HomeAnswer, StateAnswer } from './types';

const longestWait = 15_000;
// Verdicts of a large input take a while; the event that tells may be missed.
const pendingWait = 2000;

export function startLive(): void {
  follow(1000, false);
  let looking = '';
  effect(() => {
    const { source, node } = route.value.params;
    const now = JSON.stringify([source, node]);
    if (now !== looking) {
      // Facts of another input must not be taken for this one's.
      home.value = null;
      state.value = null;
      homeError.value = null;
      looking = now;
    }
  });
  effect(() => {
    const stateAt = address('state');
    const homeAt = address('home');
    void tick.value;
    const stop = new AbortController();
    void ask(stateAt, homeAt, stop.signal);
    return () => stop.abort();
  });
}

async function ask(stateAt: string, homeAt: string, stop: AbortSignal): Promise<void> {
  try {
    const answer = await get<StateAnswer>(stateAt, stop);
    if (stop.aborted)
      return;
    state.value = answer;
    stateError.value = null;
  } catch (error) {
    if (!stop.aborted)
      stateError.value = sentence(error);
  }
  while (!stop.aborted) {
    try {
      const answer = await get<HomeAnswer>(homeAt, stop);
      if (stop.aborted)
        return;
      home.value = answer;
      homeError.value = null;
      if (answer.isComplete)
        return;
    } catch (error) {
      if (!stop.aborted)
        homeError.value = sentence(error);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, pendingWait));
  }
}

function sentence(error: unknown): string {
  return error instanceof ApiError ? error.message : String(error);
}

// EventSource's own retries give up on some errors and never wait longer: hence ours.
function follow(wait: number, isReturn: boolean): void {
  const stream = new EventSource('/api/events');
  let next = wait;
  stream.addEventListener('open', () => {
    connection.value = 'open';
    next = 1000;
    // The server may be another one now, with a count of its own: everything is asked again.
    if (isReturn)
      tick.value++;
  });
  stream.addEventListener('error', () => {
    stream.close();
    connection.value = 'lost';
    setTimeout(() => follow(Math.min(next * 2, longestWait), true), next);
  });
  stream.addEventListener('revision', (event) => {
    const { revision } = JSON.parse(event.data) as { revision: number };
    // The first message after connecting tells the revision that is already on screen.
    if (state.peek()?.revision !== revision || home.peek()?.isComplete === false)
      tick.value++;
  });
  stream.addEventListener('counters', (event) => {
    const { at, rates: now } = JSON.parse(event.data) as { at: number; rates: Record<string, number> };
    rates.add(at, now);
    ratesTick.value++;
  });
  stream.addEventListener('timeline', () => {
    timelineTick.value++;
  });
}
