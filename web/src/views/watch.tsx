// A real packet of the same kind is waited for, and its path laid beside the simulated one.
import { useEffect, useRef, useState } from 'preact/hooks';
import { address } from '../api';
import { Empty, Scroll } from '../parts/basics';
import { route } from '../router';
import type { Outcome, WalkStep, WatchedStep } from '../types';
import { compare, passed } from '../walk';

interface Watching {
  status: 'idle' | 'waiting' | 'done' | 'lost';
  message: string;
  steps: readonly WatchedStep[];
}

const idle: Watching = { status: 'idle', message: '', steps: [] };

export function Watch({ simulated }: { simulated: readonly Outcome[] }) {
  const { params } = route.value;
  const [now, setNow] = useState<Watching>(idle);
  const stream = useRef<EventSource | null>(null);
  const stop = () => {
    stream.current?.close();
    stream.current = null;
  };
  useEffect(() => {
    stop();
    setNow(idle);
    return stop;
  }, [simulated]);
  const begin = () => {
    stop();
    setNow({ ...idle, status: 'waiting', message: 'Waiting for a packet …' });
    const source = new EventSource(address('watch', { dst: params['dst'], dport: params['dport'], proto: params['proto'] }));
    stream.current = source;
    const add = (event: MessageEvent<string>) => {
      const step = JSON.parse(event.data) as WatchedStep;
      setNow((old) => ({ ...old, steps: [...old.steps, step] }));
    };
    source.addEventListener('step', add);
    source.addEventListener('packet', add);
    source.addEventListener('message', (event) => {
      const { text } = JSON.parse(event.data) as { text: string };
      setNow((old) => ({ ...old, message: text }));
    });
    source.addEventListener('end', () => {
      stop();
      setNow((old) => ({ ...old, status: 'done' }));
    });
    source.addEventListener('error', () => {
      stop();
      setNow((old) => ({ ...old, status: 'lost', message: old.message === 'Waiting for a packet …' ? 'The console cannot watch now: it needs root, and one watcher at a time. Try again in a moment.' : old.message }));
    });
  };
  const cancel = () => {
    stop();
    setNow(idle);
  };
  const real = passed(now.steps);
  const end = now.steps.find((step) => step.kind === 'end');
  return (
    <section class="watch" aria-labelledby="watch-title">
      <div class="section-head">
        <h2 id="watch-title">A real packet beside it</h2>
        {now.status === 'waiting' ? <button type="button" onClick={cancel}>Stop waiting</button> : <button type="button" onClick={begin}>Wait for a real one</button>}
      </div>
      <p class="quietly" role="status">{now.status === 'idle' ? 'The kernel traces the next packet to this destination; it is neither held nor changed.' : now.message}</p>
      {end?.text !== undefined && <p class="verdict-line">{end.text}</p>}
      {real.length > 0 && <Beside simulated={nearest(simulated, real)} real={real} />}
      {now.status === 'done' && real.length === 0 && <Empty title="No packet came."><p>Send one, for example with curl from a client, and wait again.</p></Empty>}
    </section>
  );
}

/** Of several possible ends the one whose path is most like the real one: which it took was chance. */
function nearest(simulated: readonly Outcome[], real: readonly WalkStep[]): Outcome | null {
  const differences = (outcome: Outcome) => compare(outcome.path, real).filter((line) => line.simulated === null || line.real === null).length;
  return [...simulated].sort((a, b) => differences(a) - differences(b))[0] ?? null;
}

function Beside({ simulated, real }: { simulated: Outcome | null; real: readonly WalkStep[] }) {
  const lines = compare(simulated?.path ?? [], real);
  const differ = lines.filter((line) => line.simulated === null || line.real === null).length;
  const words = (step: WalkStep | null) => (step === null ? '' : `${step.hook} ${step.table} ${step.chain} ${step.rule === null ? 'policy' : `rule ${step.rule}`}`);
  return (
    <>
      <p class={differ === 0 ? 'is-works' : 'is-fails'}>{differ === 0 ? 'The real packet took the path that the rules said.' : `The two differ in ${differ} ${differ === 1 ? 'step' : 'steps'}, marked below.`}</p>
      <Scroll label="The two paths">
        <table class="compared">
          <thead><tr><th scope="col">As the rules say</th><th scope="col"><span class="unseen">Same or not</span></th><th scope="col">As it went</th></tr></thead>
          <tbody>{lines.map((line, at) => {
            const isSame = line.simulated !== null && line.real !== null;
            return <tr key={at} class={isSame ? '' : 'differs'}><td class="address">{words(line.simulated)}</td><td>{isSame ? '=' : '≠'}</td><td class="address">{words(line.real)}</td></tr>;
          })}</tbody>
        </table>
      </Scroll>
    </>
  );
}
