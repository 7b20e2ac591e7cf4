// One service: who reaches it, where the others' packets stop and what mends it, as words and as a picture.
import { useMemo, useState } from 'preact/hooks';
import { address, useApi } from '../api';
import { concerning, frontendOf, isPlace, placeLabel, placeOf, places, worstOf } from '../clients';
import { between, light, model, type Box } from '../graph/model';
import { Picture } from '../graph/picture';
import { Chips, Command, Empty, Failure, Loading, Notes, Tabs, Term } from '../parts/basics';
import { Icon, State, StateIcon } from '../parts/icons';
import { Place } from '../parts/rules';
import { href, replace, route } from '../router';
import { home, state } from '../store';
import { capital } from '../text';
import type { Asked, Diagnosis, GraphAnswer, Place as ClientPlace, RuleAnswer, WhyAnswer } from '../types';
import { BoxDetail } from './box';
import { Beside } from './beside';

export function ServiceView() {
  const { params } = route.value;
  const name = params['name'] ?? '';
  const why = useApi<Asked<WhyAnswer>>(name === '' ? null : address('ask/why', { what: name }));
  const row = home.value?.rows.find((known) => known.name === name) ?? null;
  if (name === '')
    return <><h1>Service</h1><Empty title="No service is named in this address."><p><a href={href('services')}>Choose one from the list.</a></p></Empty></>;
  const diagnoses = why.data?.answer?.diagnoses ?? [];
  // The tab that opens is the one a person came for: the first client that is not served.
  const firstBad = diagnoses.find((diagnosis) => diagnosis.state !== 'works');
  const from = isPlace(params['from']) ? params['from'] : placeOf(firstBad?.client ?? '') ?? 'pod';
  return (
    <>
      <p class="back"><a href={href('services')}><Icon name="back" />Services</a></p>
      <div class="title">
        <h1>{name}</h1>
        {row !== null && <State state={row.state} />}
        {row !== null && <p class="title-facts">{row.protocol}{row.family === 'IPv6' && ', IPv6'}{row.writer !== null && <>; <Term word="writer">written</Term> by {row.writer}</>}</p>}
      </div>
      {why.error !== null && <Failure error={why.error} />}
      {why.data === null && why.error === null && <Loading isSlow={why.isSlow} what="Following its packets" />}
      {why.data !== null && why.data.answer === null && (
        <Empty title={why.data.messages[0] ?? 'This service is not in the rules.'}><p><a href={href('services')}>All services</a> of this input.</p></Empty>
      )}
      {why.data !== null && why.data.answer !== null && (
        <>
          <Tabs<ClientPlace> label="Client" chosen={from} onChoose={(id) => replace({ from: id })} class="clients"
            tabs={places.map((id) => ({ id, label: <><StateIcon state={worstOf(concerning(diagnoses, id))} />{placeLabel[id]}<span class="unseen">: {worstOf(concerning(diagnoses, id))}</span></> }))}>
            <Diagnoses of={concerning(diagnoses, from)} />
            <Command text={`${why.data.command}`} />
          </Tabs>
          <Drawn name={name} from={from} diagnoses={concerning(diagnoses, from)} />
          <Beside name={name} from={from} />
          <Notes notes={[...why.data.messages, ...why.data.answer.notes]} />
        </>
      )}
    </>
  );
}

function Diagnoses({ of }: { of: readonly Diagnosis[] }) {
  if (of.length === 0)
    return <Empty title="Nothing is said of these clients."><p>The rules show no frontend that they could reach.</p></Empty>;
  const bad = of.filter((diagnosis) => diagnosis.state !== 'works');
  const good = of.filter((diagnosis) => diagnosis.state === 'works');
  return (
    <div class="diagnoses" aria-live="polite">
      {bad.map((diagnosis, at) => <Bad key={at} of={diagnosis} />)}
      {good.length > 0 && (
        <ul class="working">
          {good.map((diagnosis, at) => (
            <li key={at}><StateIcon state="works" /><span class="address">{frontendOf(diagnosis.subject) ?? diagnosis.subject}</span> {diagnosis.verdict}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Bad({ of }: { of: Diagnosis }) {
  return (
    <article class={`diagnosis is-${of.state}`}>
      <h2><StateIcon state={of.state} /><span><span class="verdict">{capital(of.cause === null && of.state === 'unknown' ? 'unknown' : of.verdict)}</span>
        {frontendOf(of.subject) !== null && <> at <span class="address">{frontendOf(of.subject)}</span></>} {of.client}</span></h2>
      <dl>
        <div><dt>Cause</dt><dd>{of.cause ?? of.verdict.replace(/^unknown: /, '')}{of.when !== null && of.when !== undefined && <>, {of.when}</>}{of.code !== null && <> <code class="code">{of.code}</code></>}</dd></div>
        {of.rule !== null && of.rule !== undefined && (
          <div><dt>Decided by</dt><dd><span class="address">{of.rule}</span>{of.writer !== null && of.writer !== undefined && <>, probably of {of.writer}</>} <Place source={of.source} /></dd></div>
        )}
        {of.mend !== null && <div class="mend"><dt>What mends it</dt><dd>{capital(of.mend)}</dd></div>}
      </dl>
    </article>
  );
}

function Drawn({ name, from, diagnoses }: { name: string; from: ClientPlace; diagnoses: readonly Diagnosis[] }) {
  const { params } = route.value;
  const isChains = params['picture'] === 'chains';
  const [chosen, setChosen] = useState<Box | null>(null);
  const graph = useApi<Asked<GraphAnswer>>(address('ask/graph', { what: name, chains: isChains }));
  const rules = useApi<Asked<{ rules: RuleAnswer[] }>>(isChains ? address('ask/rules', { what: name }) : null);
  const answer = graph.data?.answer ?? null;
  const failing = diagnoses.find((diagnosis) => diagnosis.state === 'fails');
  const stopped = failing === undefined ? null : frontendOf(failing.subject);
  const shown = useMemo(() => {
    if (answer === null)
      return null;
    const all = model(answer, isChains ? null : from);
    if (stopped === null || isChains)
      return all;
    const path = between(all, stopped, (box) => box.kind === 'deadend');
    return light(all, (box) => path.has(box.id));
  }, [answer, from, isChains, stopped]);
  const now = shown?.boxes.find((box) => box.id === chosen?.id) ?? null;
  return (
    <section class="drawn" aria-labelledby="picture-title">
      <div class="section-head">
        <h2 id="picture-title">Where its packets go</h2>
        <Chips label="What is drawn" chosen={isChains ? 'chains' : 'decisions'} onChoose={(id) => { setChosen(null); replace({ picture: id === 'chains' ? 'chains' : undefined }); }}
          choices={[{ id: 'decisions', label: 'decisions' }, { id: 'chains', label: 'chains and rules' }]} />
      </div>
      {graph.error !== null && <Failure error={graph.error} />}
      {graph.data === null && graph.error === null && <Loading isSlow={graph.isSlow} what="Drawing" />}
      {graph.data !== null && (answer === null || answer.nodes.length === 0) && (
        <Empty title="There is nothing to draw."><p>{graph.data.messages[0] ?? 'The rules lead nowhere for this service.'}</p></Empty>
      )}
      {shown !== null && shown.boxes.length > 0 && (
        <>
          <Picture model={shown} chosen={now?.id ?? null} onChoose={setChosen}
            describe={isChains ? `The chains of ${name}` : `Where packets ${placeLabel[from].toLowerCase()} to ${name} go`} />
          {now !== null
            ? <BoxDetail box={now} model={shown} rules={rules.data?.answer?.rules ?? []} onClose={() => setChosen(null)} />
            : <p class="quietly">Choose a box to see {isChains ? 'its rules' : 'the rule that decides there, and who wrote it'}.</p>}
          <Notes notes={answer?.notes} label="What the picture assumes or leaves out" />
          <Command text={graph.data!.command} />
        </>
      )}
      <p class="actions"><a class="button" href={href('packet', { src: from, dst: name })}>Follow one packet {placeLabel[from].toLowerCase()}</a>
        {state.value?.canWatch === true && <span class="quietly">or wait there for a real one</span>}</p>
    </section>
  );
}
