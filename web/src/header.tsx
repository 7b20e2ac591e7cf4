import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './parts/icons';
import { format, href, route, type Screen } from './router';
import { connection, dropped, helpWord, home, state, stateError } from './store';
import { shortPath, time } from './text';
import { nextTheme, theme } from './theme';
import { countStates } from './filter';

const kinds: Record<string, string> = {
  files: 'Dumps',
  live: 'This machine’s kernel',
  proxy: 'The running proxy',
  nodes: 'Nodes of the cluster',
  dropped: 'A dropped file',
};

export function Header() {
  return (
    <header>
      <div class="bar">
        <a class="brand" href={href('services')} aria-label="Portolan: all services">
          <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true" focusable="false">
            <circle class="rose-sea" cx="16" cy="16" r="15" />
            <path class="rose-light" d="M16 3l3.2 9.8L29 16l-9.8 3.2L16 29l-3.2-9.8L3 16l9.8-3.2z" />
            <path class="rose-dark" d="M16 3l3.2 9.8L16 16zM29 16l-9.8 3.2L16 16zM16 29l-3.2-9.8L16 16zM3 16l9.8-3.2L16 16z" />
          </svg>
          <span>Portolan</span>
        </a>
        <Looking />
        <div class="tools">
          <Source />
          <a class="button quiet" href={href('drop')} title="Read a dump: drop it anywhere on the page"><Icon name="drop" /><span class="tool-word">Read a file</span></a>
          <button type="button" class="quiet" onClick={nextTheme} aria-label={`Theme: ${theme.value}`} title={`Theme: ${theme.value}`}>
            <Icon name={theme.value === 'dark' ? 'moon' : theme.value === 'light' ? 'sun' : 'auto'} />
          </button>
          <button type="button" class="quiet" onClick={() => { helpWord.value = ''; }} aria-label="Help: keys and words" title="Help: keys and words (?)"><Icon name="help" /></button>
        </div>
      </div>
      <Navigation />
      {connection.value === 'lost' && <p class="lost" role="status">Connection lost, trying again. What is shown may be old.</p>}
      {stateError.value !== null && connection.value !== 'lost' && <p class="lost" role="alert">{stateError.value}{route.value.params['source'] !== undefined
        && <> <a href={format('services', {})}>Look at the console’s own input</a>, or <a href={format('drop', {})}>read the file again</a>.</>}</p>}
    </header>
  );
}

function Looking() {
  const now = state.value;
  if (now === null)
    return <div class="looking" />;
  const names = now.title.split(', ').map(shortPath).join(', ');
  return (
    <div class="looking" title={`${kinds[now.kind] ?? now.kind}: ${now.title}`}>
      <span class="looking-kind">{kinds[now.kind] ?? now.kind}</span>
      <span class="looking-title">{names}</span>
      <span class="looking-time">read {time(now.readAt)}</span>
    </div>
  );
}

function Source() {
  const { source, node } = route.value.params;
  const nodes = state.value?.nodes ?? [];
  if (dropped.value.length === 0 && nodes.length < 2 && source === undefined)
    return null;
  const chosen = source !== undefined ? `source ${source}` : node !== undefined ? `node ${node}` : '';
  const isForeign = source !== undefined && !dropped.value.some((file) => file.id === source);
  const choose = (value: string) => {
    const [kind, id] = value.split(/ (.*)/s);
    const { screen } = route.value;
    // What was on screen of one input may not be in the other: only lists are kept.
    const next: Screen = screen === null || screen === 'service' || screen === 'packet' ? 'services' : screen;
    location.hash = format(next, kind === '' ? {} : { [kind!]: id });
  };
  return (
    <label class="source"><span class="unseen">Look at</span>
      <select value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">{nodes.length > 1 ? 'all nodes' : 'own input'}</option>
        {nodes.length > 1 && nodes.map((name) => <option key={name} value={`node ${name}`}>{name}</option>)}
        {dropped.value.map((file) => <option key={file.id} value={`source ${file.id}`}>{file.name}</option>)}
        {isForeign && <option value={chosen}>a dropped file</option>}
      </select>
    </label>
  );
}

function Navigation() {
  const { screen } = route.value;
  const list = useRef<HTMLElement>(null);
  // On a narrow window the links scroll: the one of this screen must be seen.
  useEffect(() => list.current?.querySelector('[aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' }), [screen]);
  const broken = home.value === null ? 0 : countStates(home.value.rows).fails;
  const links: { screen: Screen; word: string; isShown: boolean }[] = [
    { screen: 'services', word: 'Services', isShown: true },
    { screen: 'packet', word: 'Packet', isShown: true },
    { screen: 'findings', word: 'Findings', isShown: true },
    { screen: 'costs', word: 'O(n)', isShown: true },
    { screen: 'nodes', word: 'Nodes', isShown: true },
    { screen: 'timeline', word: 'Timeline', isShown: true },
  ];
  return (
    <nav aria-label="Screens" ref={list}>
      {links.filter((link) => link.isShown).map((link) => (
        <a key={link.screen} href={href(link.screen)}
          aria-current={screen === link.screen || (screen === 'service' && link.screen === 'services') ? 'page' : undefined}>
          {link.word}{link.screen === 'services' && broken > 0 && <span class="nav-count" title={`${broken} fail`}>{broken}</span>}
        </a>
      ))}
    </nav>
  );
}
