// One packet: what is sent, what becomes of it, and each rule it passes on its way.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { address, useApi } from '../api';
import { Command, Empty, Failure, Loading, Notes } from '../parts/basics';
import { route } from '../router';
import { state } from '../store';
import { percent } from '../text';
import type { Asked, Outcome, TraceAnswer } from '../types';
import { ending, isServed } from '../walk';
import { PacketForm, questionOf } from './packetform';
import { Watch } from './watch';
import { Walk } from './walk';
import { Unsettled } from './unsettled';

export function PacketView() {
  const question = questionOf(route.value.params);
  const { data, error, isSlow } = useApi<Asked<TraceAnswer>>(question === null ? null : address('ask/trace', question));
  const answer = data?.answer ?? null;
  return (
    <>
      <h1>Packet</h1>
      <p class="lead">Describe a packet, and see which rules it passes and how it ends. Nothing is sent.</p>
      <PacketForm />
      {question === null && (
        <Empty title="Where does the packet go?">
          <p>Write a service’s name, or an address and port. A packet from a pod, from outside or from this node may end differently: try each.</p>
        </Empty>
      )}
      {error !== null && <Failure error={error} />}
      {question !== null && data === null && error === null && <Loading isSlow={isSlow} what="Following the packet" />}
      {data !== null && answer === null && <Failure error={data.messages.join(' ') || 'The packet cannot be followed.'} />}
      {data !== null && answer !== null && (
        <>
          <Result answer={answer} />
          <Notes notes={[...data.messages, ...answer.notes]} />
          <Command text={data.command} />
        </>
      )}
    </>
  );
}

function Result({ answer }: { answer: TraceAnswer }) {
  const [at, setAt] = useState(0);
  useEffect(() => setAt(0), [answer]);
  const { outcomes } = answer;
  const chosen = outcomes[Math.min(at, outcomes.length - 1)];
  const served = useMemo(() => outcomes.filter(isServed).reduce((sum, outcome) => sum + outcome.probability, 0), [outcomes]);
  const lost = useMemo(() => outcomes.filter((outcome) => outcome.verdict === 'drop' || outcome.verdict === 'reject').reduce((sum, outcome) => sum + outcome.probability, 0), [outcomes]);
  if (chosen === undefined)
    return <Empty title="The packet ends nowhere that the rules show." />;
  const tone = lost > 0.0005 ? 'fails' : served > 0.9995 ? 'works' : 'unknown';
  return (
    <>
      <section class={`result is-${tone}`} aria-labelledby="result-title" aria-live="polite">
        <h2 id="result-title" class="verdict-line">{headline(outcomes, served, lost)}</h2>
        <ul class="outcomes" aria-label="How it can end">
          {outcomes.map((outcome, index) => (
            <li key={index}>
              <button type="button" class={`outcome is-${toneOf(outcome)}`} aria-pressed={outcome === chosen} onClick={() => setAt(index)}>
                <meter min={0} max={1} value={outcome.probability} aria-hidden="true" />
                <span class="number">{percent(outcome.probability)}</span>
                <span class="outcome-words">{ending(outcome)}</span>
              </button>
            </li>
          ))}
        </ul>
        {chosen.verdict === 'unknown' && <Unsettled outcome={chosen} />}
      </section>
      <Walk outcome={chosen} />
      {state.value?.canWatch === true && <Watch simulated={outcomes} />}
      {(answer.replies ?? []).map((reply, index) => (
        <section key={index} class="reply" aria-label="The reply">
          <h2>The reply of {reply.from.length > 3 ? `${reply.from.slice(0, 3).join(', ')} and ${reply.from.length - 3} more` : reply.from.join(', ')}</h2>
          {reply.outcomes.map((outcome, place) => <p key={place} class={`reply-end is-${toneOf(outcome)}`}><span class="number">{percent(outcome.probability)}</span> {ending(outcome)}</p>)}
          {reply.outcomes[0] !== undefined && <details><summary>The rules it passes</summary><Walk outcome={reply.outcomes[0]} isPlain /></details>}
          <Notes notes={reply.notes} />
        </section>
      ))}
      {answer.replies !== undefined && answer.replies.length === 0 && <Empty title="Nobody replies: the packet reaches no one." />}
    </>
  );
}

function toneOf(outcome: Outcome): string {
  return outcome.verdict === 'unknown' ? 'unknown' : isServed(outcome) ? 'works' : 'fails';
}

function headline(outcomes: readonly Outcome[], served: number, lost: number): string {
  const [first] = outcomes;
  if (outcomes.length === 1 && first !== undefined)
    return ending(first);
  if (served > 0.9995)
    return `It arrives, at one of ${outcomes.length}`;
  if (lost > 0.9995)
    return 'It does not arrive';
  if (lost < 0.0005 && served < 0.0005)
    return 'It is not known how it ends';
  const parts = [served > 0 ? `arrives in ${percent(served)} of the cases` : '', lost > 0 ? `is dropped or rejected in ${percent(lost)}` : '', 1 - served - lost > 0.0005 ? `is not known in ${percent(1 - served - lost)}` : ''];
  return `It ${parts.filter((part) => part !== '').join(', ')}`;
}
