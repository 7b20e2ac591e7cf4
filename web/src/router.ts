// Routes are in the fragment, so that any static server can serve the page: #/service?name=shop%2Fweb&from=pod
import { signal } from '@preact/signals';

export type Screen = 'services' | 'service' | 'packet' | 'findings' | 'timeline' | 'nodes' | 'costs' | 'drop';

export interface Route {
  screen: Screen | null;
  params: Readonly<Record<string, string>>;
}

const screens: readonly Screen[] = ['services', 'service', 'packet', 'findings', 'timeline', 'nodes', 'costs', 'drop'];

export function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const params = Object.fromEntries(new URLSearchParams(query));
  const name = path === '' ? 'services' : path;
  return { screen: screens.find((screen) => screen === name) ?? null, params };
}

export function format(screen: Screen, params: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params))
    if (value !== undefined && value !== '')
      query.set(key, value);
  const text = query.toString();
  return `#/${screen === 'services' ? '' : screen}${text === '' ? '' : `?${text}`}`;
}

export const route = signal<Route>({ screen: 'services', params: {} });

/** What is looked at goes with every link: a dropped file, or one of several nodes. */
function withInput(params: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const { source, node } = route.value.params;
  return { source, node, ...params };
}

export function href(screen: Screen, params: Readonly<Record<string, string | undefined>> = {}): string {
  return format(screen, withInput(params));
}

export function go(screen: Screen, params: Readonly<Record<string, string | undefined>> = {}): void {
  location.hash = format(screen, withInput(params));
}

/** Changes parameters of the screen without a new entry in the history: what one types is one step, not many. */
export function replace(params: Readonly<Record<string, string | undefined>>): void {
  const { screen, params: old } = route.value;
  if (screen === null)
    return;
  const hash = format(screen, { ...old, ...params });
  history.replaceState(history.state, '', hash);
  route.value = parse(hash);
}

export function startRouter(): void {
  route.value = parse(location.hash);
  addEventListener('hashchange', () => {
    route.value = parse(location.hash);
  });
}
