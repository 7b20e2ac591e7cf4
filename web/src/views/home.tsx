// The first screen: every service, broken ones first, with the reason in its row.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { countStates, filter, index } from '../filter';
import { Chips, Command, Empty, Failure, Loading, Notes } from '../parts/basics';
import { Icon, State, stateWord } from '../parts/icons';
import { useNarrow, usePrinting } from '../parts/media';
import { useVirtualList } from '../parts/virtual';
import { sparkline } from '../rates';
import { go, href, replace, route } from '../router';
import { announcement, home, homeError, rates, ratesTick, state } from '../store';
import { capital, count, rate, shortPath } from '../text';
import type { HomeRow, Verdict } from '../types';

const states: readonly Verdict[] = ['fails', 'unknown', 'limited', 'works', 'pending'];
// A reason that is longer than a line gets a second one; what is still longer is in the tooltip and on the service's own screen.
const heights = { wide: { plain: 38, cause: 62, long: 82 }, narrow: { plain: 64, cause: 122, long: 122 } };
const lineOfReason = 150;
const mostPrinted = 2000;
const none: readonly HomeRow[] = [];

export function HomeView() {
  const { params } = route.value;
  const [typed, setTyped] = useState(params['q'] ?? '');
  const chosen = states.find((known) => known === params['state']) ?? null;
  const search = useRef<HTMLInputElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const all = home.value?.rows ?? none;
  const indexed = useMemo(() => index(all), [all]);
  const rows = useMemo(() => filter(indexed, typed, chosen), [indexed, typed, chosen]);
  const counts = useMemo(() => countStates(all), [all]);

  useEffect(() => {
    // Browsers limit how often the address may change: it follows when typing pauses.
    const timer = setTimeout(() => replace({ q: typed, focus: undefined }), 200);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => {
    if (params['focus'] === 'search')
      search.current?.focus();
  }, []);
  useEffect(() => {
    if (typed === '')
      return undefined;
    const timer = setTimeout(() => { announcement.value = `${count(rows.length, 'service')} found.`; }, 600);
    return () => clearTimeout(timer);
  }, [rows.length, typed]);

  const searchKeys = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      grid.current?.focus();
    } else if (event.key === 'Enter' && rows[0] !== undefined && typed !== '') {
      open(rows[0]);
    } else if (event.key === 'Escape' && typed !== '') {
      event.preventDefault();
      setTyped('');
    }
  };
  const answer = home.value;
  return (
    <>
      <div class="home-head">
        <h1>Services</h1>
        <Summary counts={counts} isComplete={answer?.isComplete ?? false} total={all.length} />
      </div>
      <div class="home-tools">
        <label class="search"><Icon name="search" /><span class="unseen">Search the services</span>
          <input ref={search} type="search" value={typed} placeholder="Name, namespace, address, port or reason" autocomplete="off" spellcheck={false}
            onInput={(event) => setTyped(event.currentTarget.value)} onKeyDown={searchKeys} aria-keyshortcuts="/" />
          <kbd aria-hidden="true">/</kbd>
        </label>
        <Chips label="Which services" chosen={chosen ?? 'all'} onChoose={(id) => replace({ state: id === 'all' ? undefined : id })}
          choices={[{ id: 'all', label: 'all', count: all.length },
            ...states.filter((known) => counts[known] > 0 || known === chosen).map((known) => ({ id: known, label: <State state={known} />, count: counts[known] }))]} />
      </div>
      <Notes notes={[...(answer?.messages ?? []), ...(answer?.notes ?? []), ...problems()]} />
      {homeError.value !== null && <Failure error={homeError.value} />}
      {answer === null && homeError.value === null && <Loading isSlow what="Reading the services" />}
      {answer !== null && all.length === 0 && <NoServices />}
      {answer !== null && all.length > 0 && rows.length === 0 && (
        <Empty title="No service matches.">
          <p>All {all.length.toLocaleString('en')} were searched{chosen !== null && <>, of which {counts[chosen]} are “{stateWord[chosen]}”</>}. A name, an address, a port, a node port or a
            word of the reason will do. <button type="button" onClick={() => { setTyped(''); replace({ state: undefined, q: undefined }); }}>Show all</button></p>
        </Empty>
      )}
      {rows.length > 0 && <List rows={rows} gridRef={grid} onLeave={() => search.current?.focus()} />}
      {answer !== null && <Command text={`portolan services --why ${state.value?.command ?? ''}`.trim()} />}
    </>
  );
}

function problems(): string[] {
  return state.value?.input?.problems ?? [];
}

function open(row: HomeRow): void {
  go('service', { name: row.name });
}

function Summary({ counts, isComplete, total }: { counts: Record<Verdict, number>; isComplete: boolean; total: number }) {
  if (total === 0)
    return null;
  const parts = [
    counts.fails > 0 && `${count(counts.fails, 'service fails', 'services fail')}`,
    counts.unknown > 0 && `of ${counts.unknown.toLocaleString('en')} the input does not show enough`,
    counts.limited > 0 && `${counts.limited.toLocaleString('en')} ${counts.limited === 1 ? 'turns' : 'turn'} some clients away on purpose`,
    counts.works > 0 && `${counts.works.toLocaleString('en')} ${counts.works === 1 ? 'works' : 'work'} as far as the rules show`,
  ].filter((part) => part !== false);
  const text = isComplete ? `${capital(parts.join('; '))}.` : `Looking at ${count(total, 'service')} …`;
  return <p class="summary" role="status">{text}</p>;
}

function NoServices() {
  const sources = state.value?.input?.sources ?? [];
  return (
    <Empty title="No services were found in these rules.">
      {sources.length > 0 && <ul>{sources.map((source) => (
        <li key={source.name}><code>{shortPath(source.name)}</code>{source.error !== undefined ? `: ${source.error}` : source.bytes !== undefined ? `: ${count(source.bytes, 'byte')}` : ''}</li>
      ))}</ul>}
      <p>Either nothing writes service rules here (is a proxy running on this node?), or the input leaves them out.
        <a href={href('drop')}> Give the page another dump</a>: <code>iptables-save</code> or <code>nft list ruleset</code>, taken as root on a node.</p>
    </Empty>
  );
}

interface ListProps {
  rows: readonly HomeRow[];
  gridRef: { current: HTMLDivElement | null };
  onLeave: () => void;
}

function List({ rows, gridRef, onLeave }: ListProps) {
  const isNarrow = useNarrow();
  const isPrinting = usePrinting();
  const [active, setActive] = useState(0);
  const [isFocused, setFocused] = useState(false);
  const [top, setTop] = useState(0);
  const body = useRef<HTMLDivElement>(null);
  const size = isNarrow ? heights.narrow : heights.wide;
  const heightOf = useMemo(() => (at: number) => {
    const why = told(rows[at]);
    return why === '' ? size.plain : why.length <= lineOfReason ? size.cause : size.long;
  }, [rows, size]);
  const list = useVirtualList({ count: rows.length, heightOf, top, covered: isNarrow ? 8 : 40 });
  const now = Math.min(active, rows.length - 1);
  const hasRates = !rates.isEmpty && ratesTick.value > 0;

  useEffect(() => {
    const at = body.current!.getBoundingClientRect().top + scrollY;
    if (Math.abs(at - top) > 1)
      setTop(at);
  });
  useEffect(() => setActive(0), [rows]);

  const move = (to: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, to));
    setActive(next);
    list.show(next);
  };
  const keys = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(innerHeight / size.cause) - 2);
    const steps: Record<string, number> = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: rows.length - 1 };
    const to = steps[event.key];
    if (event.key === 'Enter') {
      open(rows[now]!);
    } else if (event.key === 'Escape' || (event.key === 'ArrowUp' && now === 0)) {
      event.preventDefault();
      onLeave();
    } else if (to !== undefined) {
      event.preventDefault();
      move(to);
    }
  };
  const drawn = isPrinting
    ? rows.slice(0, mostPrinted).map((_, at) => ({ index: at, start: 0 }))
    : list.items.filter((item) => item.index < rows.length);
  return (
    <div class={`list ${hasRates ? 'has-rates' : ''}`} role="grid" aria-label="Services" aria-rowcount={rows.length + 1} aria-colcount={hasRates ? 8 : 7} tabIndex={0} ref={gridRef}
      aria-activedescendant={isFocused && drawn.some((item) => item.index === now) ? `row-${now}` : undefined}
      onKeyDown={keys} onFocus={() => setFocused(true)} onBlur={() => setFocused(false)}>
      <div class="list-head row" role="row" aria-rowindex={1}>
        <span role="columnheader">State</span>
        <span role="columnheader">Service</span>
        <span role="columnheader" title="Where clients reach it">Frontends</span>
        <span role="columnheader" class="number" title="In the rules / in the cluster">Endpoints</span>
        <span role="columnheader" title="How new connections are divided">Shares</span>
        <span role="columnheader">Policies</span>
        <span role="columnheader" class="number" title="Rules a new packet is checked against before the service’s">Rules before</span>
        {hasRates && <span role="columnheader" class="number" title="New connections per second, the last minute">Connections</span>}
      </div>
      <div class="list-body" role="rowgroup" ref={body} style={isPrinting ? {} : { height: `${list.height}px` }}>
        {drawn.map((item) => (
          <Row key={item.index} row={rows[item.index]!} at={item.index} isActive={isFocused && item.index === now} hasRates={hasRates}
            top={isPrinting ? null : item.start - top} height={heightOf(item.index)} />
        ))}
      </div>
    </div>
  );
}

function reason(row: HomeRow | undefined): string | null {
  if (row === undefined || row.state === 'works' || row.state === 'pending')
    return null;
  return row.cause ?? row.verdict;
}

/** All that the second line of a row says. */
function told(row: HomeRow | undefined): string {
  const why = reason(row);
  return row === undefined || why === null ? '' : [row.verdict ?? '', ...row.who, row.where ?? '', why, row.when ?? ''].join(' ');
}

interface RowProps {
  row: HomeRow;
  at: number;
  isActive: boolean;
  hasRates: boolean;
  top: number | null;
  height: number;
}

function Row({ row, at, isActive, hasRates, top, height }: RowProps) {
  const why = reason(row);
  const [first, ...others] = row.frontends;
  const link = href('service', { name: row.name });
  const isLacking = row.endpoints === 0 || (row.state === 'fails' && row.total !== null && row.endpoints < row.total);
  return (
    <div id={`row-${at}`} class={`row is-${row.state} ${isActive ? 'is-active' : ''} ${why === null ? '' : 'has-cause'}`} role="row" aria-rowindex={at + 2} aria-selected={isActive}
      style={top === null ? {} : { transform: `translateY(${top}px)`, height: `${height}px` }}
      onClick={(event) => { if (!(event.target as Element).closest('a')) location.hash = link; }}>
      <span role="gridcell" class="cell-state"><State state={row.state} /></span>
      <span role="gridcell" class="cell-name"><a href={link} tabIndex={-1} title={row.name}>{row.name}</a><span class="cell-protocol">{row.protocol}{row.family === 'IPv6' ? ' · IPv6' : ''}</span></span>
      <span role="gridcell" class="cell-frontends" title={row.frontends.map((frontend) => `${frontend.kind} ${frontend.text}`).join(', ')}>
        {first !== undefined && <><span class="address">{first.text}</span>{others.length > 0 && <span class="more"> +{others.map((frontend) => short(frontend.kind)).join(', ')}</span>}</>}
      </span>
      <span role="gridcell" class={`number cell-endpoints ${isLacking ? 'is-lacking' : ''}`}>{row.endpoints}{row.total !== null && `/${row.total}`}<span class="narrow-only"> {row.endpoints === 1 && row.total === null ? 'endpoint' : 'endpoints'}</span></span>
      <span role="gridcell" class={`cell-shares ${row.shares === 'unequal' ? 'is-lacking' : ''}`}>{row.shares === 'none' ? '–' : row.shares}<span class="narrow-only"> shares</span></span>
      <span role="gridcell" class="cell-policies" title={row.policies.join(', ')}>{row.policies.join(', ')}</span>
      <span role="gridcell" class="number cell-before">{row.rulesBefore ?? '–'}</span>
      {hasRates && <span role="gridcell" class="number cell-rate"><Rate name={row.name} /></span>}
      {why !== null && <span role="gridcell" class="cell-cause" title={why}>
        {row.cause !== null && row.verdict !== null && <b>{row.verdict}</b>}{row.who.length > 0 && <> {row.who.join(', ')}</>}{row.where !== null && <> at <span class="address">{row.where}</span></>}
        {(row.cause !== null || row.who.length > 0 || row.where !== null) && ': '}{why}{row.when !== null && <>, {row.when}</>}
      </span>}
    </div>
  );
}

function short(kind: string): string {
  return ({ ClusterIP: 'cluster', NodePort: 'node port', LoadBalancer: 'lb', ExternalIP: 'external', External: 'external', VirtualServer: 'virtual' } as Record<string, string>)[kind] ?? kind;
}

function Rate({ name }: { name: string }) {
  const series = rates.of(name);
  if (series.length === 0)
    return <span class="quietly">0</span>;
  return (
    <>
      <svg class="spark" viewBox="0 0 60 16" width="60" height="16" preserveAspectRatio="none" aria-hidden="true" focusable="false"><polyline points={sparkline(series, 60, 15)} /></svg>
      <span>{rate(series.at(-1) ?? 0)}</span>
    </>
  );
}
