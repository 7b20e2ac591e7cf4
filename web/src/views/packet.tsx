// One packet: what is sent, what becomes of it, and each rule it passes on its way.
import { useEffect, useRef, useState } from 'preact/hooks';
import { address, useApi } from '../api';
import { Command, Empty, Failure, Loading, Notes } from '../parts/basics';
import { State } from '../parts/icons';
import { question, settling, type Settling } from '../packet-form';
import { href, route } from '../router';
import { state } from '../store';
import { capital, shortPath } from '../text';
import type { Asked, Outcome, TraceAnswer, WalkStep } from '../types';
import { chance, end, look, steps, summary } from '../walks';
import { PacketForm } from './packet-form';
import { PacketPicture } from './packet-picture';
import { Watch } from './packet-watch';

export function PacketView() {
  const { params } = route.value;
  const asked = question(params);
  const [wanted, setWanted] = useState<string | null>(null);
  const trace = useApi<Asked<TraceAnswer>>(asked === null ? null : address('ask/trace', asked));
  const answer = trace.data?.answer ?? null;
  return (
    <>
      <h1>Packet</h1>
      <PacketForm wanted={wanted} onWanted={() => setWanted(null)} />
      {asked === null && (
        <Empty title="Describe a packet, and see where it ends and which rules decide that.">
          <p>Nothing is sent. A client (<code>pod</code>, <code>outside</code>, <code>node</code>, or an address) and a destination (a service such as <code>shop/web</code>, an address, a node port) are enough.</p>
        </Empty>
      )}
      {trace.error !== null && <Failure error={trace.error} />}
      {asked !== null && trace.data === null && trace.error === null && <Loading isSlow={trace.isSlow} what="Following the packet" />}
      {trace.data !== null && answer === null && <Failure error={trace.data.messages.join(' ') || 'The packet cannot be followed.'} />}
      {trace.data !== null && answer !== null && asked !== null && (
        <>
          <Ends asked={asked} answer={answer} onWanted={setWanted} />
          <Notes notes={[...trace.data.messages, ...answer.notes]} />
          <Command text={trace.data.command} />
        </>
      )}
    </>
  );
}

interface EndsProps {
  asked: Readonly<Record<string, string>>;
  answer: TraceAnswer;
  onWanted: (field: string) => void;
}

function Ends({ asked, answer, onWanted }: EndsProps) {
  const { outcomes } = answer;
  const [chosen, setChosen] = useState(0);
  const [at, setAt] = useState<number | null>(null);
  useEffect(() => {
    setChosen(0);
    setAt(null);
  }, [answer]);
  const outcome = outcomes[chosen] ?? outcomes[0];
  if (outcome === undefined)
    return <Empty title="The rules show no end of this packet." />;
  const { state: verdict, text } = summary(outcomes);
  const path = steps(outcome);
  return (
    <>
      <section class={`verdict is-${verdict}`} aria-live="polite" aria-label="How it ends">
        <h2><State state={verdict} word={text} /></h2>
        {outcomes.length > 1 && (
          <ul class="outcomes">{outcomes.map((each, index) => (
            <li key={index}><button type="button" class="outcome" aria-pressed={each === outcome} onClick={() => { setChosen(index); setAt(null); }}>
              <span class="outcome-chance number">{chance(each.probability)}</span><State state={look(each)} word={end(each)} />
            </button></li>
          ))}</ul>
        )}
        {outcome.reason !== undefined && <p class="cause">{outcome.verdict === 'reject' ? `The sender is told: ${outcome.reason}` : capital(outcome.reason.replace(/^unknown: /, ''))}</p>}
        {outcome.verdict === 'unknown' && <Unknown outcome={outcome} onWanted={onWanted} />}
      </section>
      <div class="picture-and-walk">
        <PacketPicture asked={asked} outcome={outcome} path={path} at={at} />
        <Walk path={path} outcome={outcome} at={at} onStep={setAt} />
      </div>
      {(answer.replies ?? []).map((reply, index) => <Reply key={index} of={reply} />)}
      {answer.replies?.length === 0 && <p class="quietly">Nobody replies: the packet reaches no one.</p>}
      {state.value?.canWatch === true && <Watch asked={asked} outcomes={outcomes} />}
    </>
  );
}

function Unknown({ outcome, onWanted }: { outcome: Outcome; onWanted: (field: string) => void }) {
  // A candidate that is no more known, and on no condition, says nothing new.
  const told = (outcome.candidates ?? []).filter((candidate) => candidate.verdict !== 'unknown' || candidate.when !== undefined);
  return (
    <div class="unknown">
      {told.length > 0 && <ul class="plain">{told.map((candidate, at) => (
        <li key={at}><State state={look(candidate)} word={end(candidate)} />{candidate.when !== undefined && <span class="when">, if {candidate.when.join(', or if ')}</span>}</li>
      ))}</ul>}
      {(outcome.settledBy ?? []).length > 0 && (
        <>
          <h3>What would settle it</h3>
          <ul class="plain">{outcome.settledBy!.map((hint) => <li key={hint}><Settle of={settling(hint)} onWanted={onWanted} /></li>)}</ul>
        </>
      )}
    </div>
  );
}

function Settle({ of, onWanted }: { of: Settling; onWanted: (field: string) => void }) {
  return (
    <>{of.text} {of.fields.map((field) => <button key={field.name} type="button" class="add" onClick={() => onWanted(field.name)}>Say it: {field.label.toLowerCase()}</button>)}
      {of.fields.length === 0 && /output|table|'/.test(of.text) && <a href={href('drop')}>Give the page such a dump</a>}</>
  );
}

interface WalkProps {
  path: readonly WalkStep[];
  outcome: Outcome;
  at: number | null;
  onStep: (at: number | null) => void;
}

function Walk({ path, outcome, at, onStep }: WalkProps) {
  const list = useRef<HTMLOListElement>(null);
  const go = (to: number) => {
    const next = Math.max(0, Math.min(path.length - 1, to));
    onStep(next);
    list.current?.querySelectorAll<HTMLElement>('button')[next]?.focus();
  };
  const keys = (event: KeyboardEvent) => {
    const now = at ?? -1;
    const moves: Record<string, number> = { ArrowDown: now + 1, ArrowRight: now + 1, ArrowUp: now - 1, ArrowLeft: now - 1, Home: 0, End: path.length - 1 };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      go(to);
    }
  };
  return (
    <section class="walk" aria-labelledby="walk-heading">
      <div class="walk-head">
        <h2 id="walk-heading">Rule by rule</h2>
        {path.length > 0 && <div class="walk-keys">
          <button type="button" onClick={() => go((at ?? path.length) - 1)} disabled={at === 0} aria-label="One rule back">←</button>
          <button type="button" onClick={() => go((at ?? -1) + 1)} disabled={at === path.length - 1} aria-label="One rule on">→</button>
          <button type="button" onClick={() => onStep(null)} disabled={at === null}>all of it</button>
        </div>}
      </div>
      {path.length === 0
        ? <p class="quietly">No rule matches it: it passes by the policies of the chains alone.</p>
        : <ol class="steps" ref={list} onKeyDown={keys}>{path.map((step, index) => (
          <li key={index} class={`${step.hook !== path[index - 1]?.hook ? 'begins-hook' : ''} ${index === at ? 'is-now' : ''} ${at !== null && index > at ? 'is-ahead' : ''}`}>
            {step.hook !== path[index - 1]?.hook && <span class="hook">{step.hook}</span>}
            <button type="button" class="step" aria-current={index === at ? 'step' : undefined} onClick={() => onStep(index)} title={step.source}>
              <span class="step-where">{step.table} {step.chain} {step.rule === null ? 'policy' : step.rule}{step.service !== null && <span class="step-service"> {step.service}</span>}</span>
            </button>
            <pre class="rule">{step.text}</pre>{step.source !== undefined && <span class="place" title={step.source}>{shortPath(step.source)}</span>}
          </li>
        ))}</ol>}
      <p class="walk-end"><State state={look(outcome)} word={capital(end(outcome))} /></p>
    </section>
  );
}

function Reply({ of }: { of: NonNullable<TraceAnswer['replies']>[number] }) {
  return (
    <section class="reply" aria-label={`The reply of ${of.from.join(', ')}`}>
      <h2>The reply of {of.from.slice(0, 3).join(', ')}{of.from.length > 3 && ` and ${of.from.length - 3} more`}</h2>
      {of.outcomes.map((outcome, at) => (
        <details key={at} class="path">
          <summary><span class="outcome-chance">{chance(outcome.probability)}</span> <State state={look(outcome)} word={end(outcome)} /></summary>
          <ol class="steps">{steps(outcome).map((step, index, all) => (
            <li key={index} class={step.hook !== all[index - 1]?.hook ? 'begins-hook' : ''}>
              {step.hook !== all[index - 1]?.hook && <span class="hook">{step.hook}</span>}
              <span class="step-where">{step.table} {step.chain} {step.rule === null ? 'policy' : step.rule}</span><pre class="rule">{step.text}</pre>
            </li>
          ))}</ol>
        </details>
      ))}
      <Notes notes={of.notes} />
    </section>
  );
}
