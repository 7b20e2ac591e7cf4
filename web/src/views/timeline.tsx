// What the running proxy did, newest first.
import { useState } from 'preact/hooks';
import { address, useApi } from '../api';
import { Chips, Empty, Failure, Loading } from '../parts/basics';
import { href } from '../router';
import { home, state, timelineTick } from '../store';
import { count, time } from '../text';
import type { TimelineAnswer, TimelineEntry } from '../types';

type Kind = TimelineEntry['kind'];
const kinds: Record<Kind, { word: string; look: string }> = {
  sync: { word: 'sync', look: 'works' },
  repair: { word: 'repair', look: 'unknown' },
  refused: { word: 'refused', look: 'fails' },
  accepted: { word: 'accepted', look: 'works' },
  mode: { word: 'mode', look: 'limited' },
  start: { word: 'start', look: 'limited' },
  api: { word: 'API', look: 'unknown' },
  failure: { word: 'failure', look: 'fails' },
  problem: { word: 'problem', look: 'unknown' },
};

export function TimelineView() {
  const has = state.value?.hasTimeline ?? false;
  const answer = useApi<TimelineAnswer>(has ? address('timeline') : null, timelineTick.value);
  return (
    <>
      <h1>Timeline</h1>
      {state.value !== null && !has && (
        <Empty title="What happened is known to a running proxy only.">
          <p>{state.value.kind === 'files' || state.value.kind === 'dropped' ? 'A dump is one moment.' : 'The rules are read as they are now.'} Start the proxy with <code>portolan proxy --console 127.0.0.1:8484</code> and open this page from it.</p>
        </Empty>
      )}
      {answer.error !== null && <Failure error={answer.error} />}
      {has && answer.data === null && answer.error === null && <Loading isSlow={answer.isSlow} what="Reading the timeline" />}
      {answer.data !== null && <Entries timeline={answer.data} />}
    </>
  );
}

function Entries({ timeline }: { timeline: TimelineAnswer }) {
  const [chosen, setChosen] = useState<Kind | 'all'>('all');
  const all = timeline.entries;
  const shown = all.filter((entry) => chosen === 'all' || entry.kind === chosen);
  const { cost } = timeline;
  const found = (Object.keys(kinds) as Kind[]).filter((kind) => all.some((entry) => entry.kind === kind));
  return (
    <>
      <p class="lead">Since <time dateTime={cost.since}>{time(cost.since)}</time>: {count(cost.syncs, 'sync', 'syncs')} of {count(cost.changes, 'change')} took {cost.milliseconds.toLocaleString('en', { maximumFractionDigits: 1 })} ms in all. Mode {timeline.mode}: {timeline.modeReason}. Started <time dateTime={timeline.startedAt}>{time(timeline.startedAt)}</time>.</p>
      <Chips label="Which events" chosen={chosen} onChoose={setChosen} choices={[{ id: 'all', label: 'all', count: all.length },
        ...found.map((kind) => ({ id: kind, label: kinds[kind].word, count: all.filter((entry) => entry.kind === kind).length }))]} />
      {shown.length === 0 ? <Empty title="Nothing has happened yet."><p>The first sync writes the first line.</p></Empty> : (
        <ol class="timeline" aria-label="Events, newest first">{shown.map((entry, at) => (
          <li key={`${entry.time}${entry.text}${at}`} class={`is-${kinds[entry.kind]?.look ?? 'limited'}`}>
            <time dateTime={entry.time}>{time(entry.time)}</time>
            <span class="event-kind">{kinds[entry.kind]?.word ?? entry.kind}</span>
            <span class="event-text">{entry.text}{entry.subject !== null && <> <Subject name={entry.subject} /></>}</span>
            <span class="event-size">{entry.services !== null && count(entry.services, 'service')}{entry.milliseconds !== null && `${entry.services === null ? '' : ', '}${entry.milliseconds.toLocaleString('en', { maximumFractionDigits: 2 })} ms`}</span>
          </li>
        ))}</ol>
      )}
    </>
  );
}

function Subject({ name }: { name: string }) {
  const row = home.value?.rows.find((known) => known.name === name || known.service === name);
  return row === undefined ? null : <a class="name" href={href('service', { name: row.name })}>{name}</a>;
}
