// Every fact on the page comes through here.
import { useEffect, useState } from 'preact/hooks';
import { route } from './router';
import { tick } from './store';

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

export type Query = Readonly<Record<string, string | boolean | undefined>>;

/** The address of an answer about what is looked at: a dropped file or a node goes with it. */
export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams();
  const { source, node } = route.value.params;
  const all: Query = { source, node, ...query };
  for (const [key, value] of Object.entries(all))
    if (value !== undefined && value !== '' && value !== false)
      params.set(key, String(value));
  const text = params.toString();
  return `/api/${path}${text === '' ? '' : `?${text}`}`;
}

export async function get<T>(url: string, signal?: AbortSignal): Promise<T> {
  return read<T>(await reach(url, signal === undefined ? {} : { signal }));
}

export async function post<T>(url: string, body: Blob, headers: Record<string, string>): Promise<T> {
  return read<T>(await reach(url, { method: 'POST', body, headers }));
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError')
      throw error;
    throw new ApiError(0, 'The console does not answer. Is it still running? The page goes on by itself when it is back.');
  }
}

async function read<T>(response: Response): Promise<T> {
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = null;
  }
  if (response.ok && json !== null)
    return json as T;
  const told = json !== null && typeof json === 'object' && 'error' in json ? String(json.error) : '';
  throw new ApiError(response.status, told || (text.length > 0 && text.length < 400 ? text.trim() : `The console answered with status ${response.status}.`));
}

export interface Loaded<T> {
  data: T | null;
  error: ApiError | null;
  /** True once an answer has been waited for so long that a person wonders; a quick one does not flicker. */
  isSlow: boolean;
}

const patience = 250;
const kept = new Map<string, unknown>();

function keep(url: string, data: unknown): void {
  kept.delete(url);
  kept.set(url, data);
  if (kept.size > 40)
    kept.delete(kept.keys().next().value!);
}

/** The answer at `url` (null: none is wanted), asked again when the input or `version` has changed; the old one stays until the new one is there. */
export function useApi<T>(url: string | null, version = 0): Loaded<T> {
  const [state, setState] = useState<Loaded<T> & { url: string | null }>({ data: null, error: null, isSlow: false, url: null });
  const now = tick.value;
  useEffect(() => {
    if (url === null)
      return undefined;
    const stop = new AbortController();
    const slow = setTimeout(() => setState((old) => ({ ...of<T>(old, url), isSlow: true })), patience);
    get<T>(url, stop.signal).then(
      (data) => {
        keep(url, data);
        setState({ data, error: null, isSlow: false, url });
      },
      (error: unknown) => {
        if (stop.signal.aborted)
          return;
        const known = error instanceof ApiError ? error : new ApiError(0, String(error));
        // Facts that are merely old are better than none while the server is away; the header says so.
        setState((old) => ({ data: known.status === 0 ? of<T>(old, url).data : null, error: known, isSlow: false, url }));
      },
    ).finally(() => clearTimeout(slow));
    return () => {
      clearTimeout(slow);
      stop.abort();
    };
  }, [url, now, version]);
  return url === null ? { data: null, error: null, isSlow: false } : of<T>(state, url);
}

function of<T>(state: Loaded<T> & { url: string | null }, url: string): Loaded<T> & { url: string | null } {
  return state.url === url ? state : { data: (kept.get(url) as T | undefined) ?? null, error: null, isSlow: false, url };
}
