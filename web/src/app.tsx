import type { FunctionComponent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { DropTarget } from './drop';
import { Header } from './header';
import { Help } from './help';
import { useKeys } from './keys';
import { Empty } from './parts/basics';
import { href, route, type Screen } from './router';
import { announcement, state } from './store';
import { CostsView } from './views/costs';
import { DropView } from './views/drop';
import { FindingsView } from './views/findings';
import { HomeView } from './views/home';
import { NodesView } from './views/nodes';
import { PacketView } from './views/packet';
import { ServiceView } from './views/service';
import { TimelineView } from './views/timeline';

const views: Record<Screen, { title: string; view: FunctionComponent }> = {
  services: { title: 'Services', view: HomeView },
  service: { title: 'Service', view: ServiceView },
  packet: { title: 'Packet', view: PacketView },
  findings: { title: 'Findings', view: FindingsView },
  timeline: { title: 'Timeline', view: TimelineView },
  nodes: { title: 'Nodes', view: NodesView },
  costs: { title: 'O(n)', view: CostsView },
  drop: { title: 'Read a file', view: DropView },
};

export function App() {
  const { screen, params } = route.value;
  const main = useRef<HTMLElement>(null);
  const shown = `${screen} ${params['name'] ?? ''}`;
  const isFirst = useRef(true);
  useKeys();
  useEffect(() => {
    const about = screen === 'service' ? params['name'] ?? 'Service' : screen === null ? 'Not here' : views[screen].title;
    document.title = `${about} · ${state.value?.title ?? 'Portolan'}`;
  });
  useEffect(() => {
    // A new screen begins at its top, for the eye as for a screen reader; the first one is where the browser begins anyway.
    if (!isFirst.current) {
      scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
    isFirst.current = false;
  }, [shown]);
  const View = screen === null ? NotHere : views[screen].view;
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>To the content</a>
      <Header />
      <main id="main" tabIndex={-1} ref={main} key={shown}><View /></main>
      <Help />
      <DropTarget />
      <div class="unseen" aria-live="polite">{announcement.value}</div>
    </>
  );
}

function NotHere() {
  return (
    <>
      <h1>Not here</h1>
      <Empty title="This address leads to no screen of the console."><p><a href={href('services')}>All services</a> are a good place to begin.</p></Empty>
    </>
  );
}
