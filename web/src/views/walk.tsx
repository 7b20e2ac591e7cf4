// The rules that a packet passes, one after the other, with the chains lit in the picture as far as it has come.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { address, useApi } from '../api';
import { light, model, type Box } from '../graph/model';
import { Picture } from '../graph/picture';
import { Empty } from '../parts/basics';
import { Place } from '../parts/rules';
import { href } from '../router';
import type { Asked, GraphAnswer, Outcome, WalkStep } from '../types';

export function Walk({ outcome, isPlain = false }: { outcome: Outcome; isPlain?: boolean }) {
  const { path } = outcome;
  const [at, setAt] = useState(path.length - 1);
  const [chosen, setChosen] = useState<Box | null>(null);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => setAt(path.length - 1), [path]);
  const service = path.find((step) => step.service !== null)?.service ?? null;
  const graph = useApi<Asked<GraphAnswer>>(service === null || isPlain ? null : address('ask/graph', { what: service, chains: true }));
  const answer = graph.data?.answer ?? null;
  const shown = useMemo(() => (answer === null ? null : light(model(answer, null), (box) => isPassed(box, path.slice(0, at + 1), at === path.length - 1 ? outcome : null))), [answer, path, at, outcome]);
  if (path.length === 0)
    return <Empty title="No rule matches the packet."><p>It passes by the policies of the chains alone.</p></Empty>;
  const go = (to: number, isByKey: boolean) => {
    const next = Math.max(0, Math.min(path.length - 1, to));
    setAt(next);
    if (isByKey)
      list.current?.querySelectorAll<HTMLElement>('button')[next]?.focus();
  };
  const keys = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: path.length - 1 };
    const to = steps[event.key];
    if (to !== undefined) {
      event.preventDefault();
      go(to, true);
    }
  };
  let hook = '';
  return (
    <section class={`walk ${shown === null ? 'is-alone' : ''}`} aria-label="The walk">
      <div class="walk-steps">
        {!isPlain && <div class="section-head">
          <h2>Rule by rule</h2>
          <div class="stepper">
            <button type="button" onClick={() => go(at - 1, false)} disabled={at === 0}>Back</button>
            <span class="number" aria-live="polite">{at + 1} of {path.length}</span>
            <button type="button" onClick={() => go(at + 1, false)} disabled={at === path.length - 1}>Next</button>
          </div>
        </div>}
        <ol ref={list} onKeyDown={keys}>
          {path.map((step, index) => {
            const isNew = step.hook !== hook;
            hook = step.hook;
            return <Step key={index} step={step} isNewHook={isNew} isPassed={index <= at} isCurrent={index === at} onChoose={() => go(index, false)} />;
          })}
        </ol>
      </div>
      {shown !== null && shown.boxes.length > 0 && (
        <div class="walk-picture">
          <Picture model={shown} chosen={chosen?.id ?? null} onChoose={setChosen} describe={`The chains of ${service ?? ''}, lit as far as the packet has come`} />
          <p class="quietly">The chains of <a href={href('service', { name: service ?? '' })}>{service}</a>. Lit: what the packet has passed so far.</p>
        </div>
      )}
    </section>
  );
}

interface StepProps {
  step: WalkStep;
  isNewHook: boolean;
  isPassed: boolean;
  isCurrent: boolean;
  onChoose: () => void;
}

function Step({ step, isNewHook, isPassed, isCurrent, onChoose }: StepProps) {
  return (
    <li class={`${isNewHook ? 'is-new-hook' : ''} ${isPassed ? 'is-passed' : ''}`}>
      {isNewHook && <span class="hook">{step.hook}</span>}
      <button type="button" class="step" aria-current={isCurrent ? 'step' : undefined} onClick={onChoose}>
        <span class="step-where">{step.table} <b>{step.chain}</b> {step.rule === null ? 'policy' : `rule ${step.rule}`}{step.service !== null && <span class="quietly"> of {step.service}</span>}</span>
        <code class="rule-text">{step.text}</code>
        <Place source={step.source} />
      </button>
    </li>
  );
}

/** Whether a packet that has taken these steps has been in the box: boxes of chains bear their chain's name, those of hooks the hook's. */
function isPassed(box: Box, steps: readonly WalkStep[], end: Outcome | null): boolean {
  const [name = '', table = ''] = box.label.split('\n');
  if (box.kind === 'endpoint' || box.kind === 'elsewhere')
    return end !== null && end.destination === name;
  if (box.kind === 'hook')
    return steps.some((step) => step.hook.toLowerCase() === name.toLowerCase() && step.table === table);
  return steps.some((step) => step.chain === name);
}
