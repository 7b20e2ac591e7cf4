// Waiting for a real packet, and its path beside the simulated one.
import { useEffect, useRef, useState } from 'preact/hooks';
import { address } from '../api';
import { State } from '../parts/icons';
import { home } from '../store';
import { capital } from '../text';
import { compare, matching, steps } from '../walks';
import type { Outcome, Verdict, WatchedStep } from '../types';

interface Props {
  asked: Readonly<Record<string, string>>;
  outcomes: readonly Outcome[];
}

type Phase = 'idle' | 'waiting' | 'seen' | 'ended' | 'failed';
const looks: Record<string, Verdict> = { forward: 'works', local: 'works', drop: 'fails', reject: 'fails' };

/** Address and port to watch for: the kernel knows no names. */
function target(asked: Readonly<Record<string, string>>): { dst: string; dport?: string; proto?: string } | null {
  const { dst = '', dport, proto } = asked;
  if (/^[0-9.]+$|:.*:/.test(dst) && dst.includes('.') || dst.includes('::'))
    return { dst, ...(dport === undefined ? {} : { dport }), ...(proto === undefined ? {} : { proto }) };
  const row = home.value?.rows.find((known) => known.name === dst || known.service === dst);
  const text = row?.frontends.map((frontend) => frontend.text).find((known) => !known.startsWith('*'));
  const match = /^\[?(.*?)\]?:(\d+)$/.exec(text ?? '');
  return match === null ? null : { dst: match[1]!, dport: match[2]!, proto: row!.protocol };
}

export function Watch({ asked, outcomes }: Props) {
  const [phase, setPhase] = useState<Phase>('idle');
  const [text, setText] = useState('');
  const [seen, setSeen] = useState<readonly WatchedStep[]>([]);
  const stream = useRef<EventSource | null>(null);
  const stop = () => {
    stream.current?.close();
    stream.current = null;
  };
  useEffect(() => stop, []);
  const where = target(asked);
  const start = () => {
    if (where === null)
      return;
    setSeen([]);
    setText('Starting …');
    setPhase('waiting');
    const events = new EventSource(address('watch', where));
    stream.current = events;
    const add = (event: MessageEvent<string>) => {
      const step = JSON.parse(event.data) as WatchedStep;
      setSeen((old) => [...old, step]);
      if (step.kind === 'end') {
        setPhase('seen');
        stop();
      }
    };
    events.addEventListener('step', add);
    events.addEventListener('packet', add);
    // "message" is also the name of events without one; the data tells.
    events.addEventListener('message', (event) => setText((JSON.parse(event.data) as { text: string }).text));
    events.addEventListener('end', () => {
      setPhase((old) => (old === 'seen' ? old : 'ended'));
      stop();
    });
    events.addEventListener('error', () => {
      setPhase((old) => (old === 'seen' ? old : 'failed'));
      stop();
    });
  };
  const at = matching(outcomes, seen);
  const simulated = outcomes[at];
  const rows = simulated === undefined || phase !== 'seen' ? [] : compare(steps(simulated), seen);
  const end = seen.find((step) => step.kind === 'end');
  const differ = rows.filter((row) => row.by !== 'both').length;
  return (
    <section class="watch" aria-labelledby="watch-heading">
      <div class="walk-head">
        <h2 id="watch-heading">A real one</h2>
        {phase === 'waiting' ? <button type="button" onClick={() => { stop(); setPhase('idle'); }}>Stop waiting</button>
          : <button type="button" class="primary" disabled={where === null} onClick={start}>{phase === 'idle' ? 'Wait for a real one' : 'Wait for another'}</button>}
      </div>
      <div aria-live="polite">
        {where === null && <p class="quietly">To wait for real packets, the destination must be an address, or a service with an address of its own.</p>}
        {phase === 'waiting' && <p class="loading"><span class="loading-bar" aria-hidden="true" />{text} Send one: for example <code>curl</code> to the service.</p>}
        {phase === 'ended' && <p>No packet came. {text}</p>}
        {phase === 'failed' && <p>The console stopped watching. {text} Is it still running, as root?</p>}
        {phase === 'seen' && end !== undefined && <p><State state={looks[end.verdict] ?? 'unknown'} word={end.text !== undefined ? capital(end.text) : end.verdict} /> {differ === 0 ? 'It took the simulated path, rule by rule.' : `It differs from the simulated path at ${differ} ${differ === 1 ? 'rule' : 'rules'}.`}</p>}
      </div>
      {rows.length > 0 && <table class="table compare-walks">
        <caption class="unseen">The real packet’s path beside the simulated one</caption>
        <thead><tr><th scope="col">Simulated</th><th scope="col">Real</th><th scope="col">Rule</th></tr></thead>
        <tbody>{rows.map((row, index) => (
          <tr key={index} class={`by-${row.by}`}>
            <td>{row.by === 'real' ? <span class="not">not</span> : '✓'}</td><td>{row.by === 'simulated' ? <span class="not">not</span> : '✓'}</td>
            <td><span class="address">{row.where}</span>{row.service !== null && ` ${row.service}`}<pre class="rule">{row.text}</pre></td>
          </tr>
        ))}</tbody>
      </table>}
    </section>
  );
}
