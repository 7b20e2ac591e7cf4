// One service: who reaches it, where the others' packets stop and what mends it, as words and as a picture.
import { useMemo, useState } from 'preact/hooks';
import { address, useApi } from '../api';
import { between, light, model } from '../graph/model';
import { Picture } from '../graph/picture';
import { Chips, Command, Empty, Failure, Loading, Notes, Tabs, Term } from '../parts/basics';
import { State, StateIcon } from '../parts/icons';
import { href, replace, route } from '../router';
import { home, state } from '../store';
import type { Asked, Diagnosis, GraphAnswer, HomeRow, Place, WhyAnswer } from '../types';
import { BoxDetails, ChangesPanel, EndpointsTable, ExplainPanel, RulesPanel, YamlPanel, type Chosen } from './service-panels';
import { Verdicts, stateOf, worst } from './verdicts';

const places: readonly Place[] = ['pod', 'outside', 'node'];
const labels: Record<Place, string> = { pod: 'From a pod', outside: 'From outside', node: 'From this node' };

type Panel = 'words' | 'rules' | 'objects' | 'changes';
const panels: readonly { id: Panel; label: string }[] = [
  { id: 'words', label: 'The path in words' },
  { id: 'rules', label: 'What the kernel holds' },
  { id: 'objects', label: 'What the cluster says' },
  { id: 'changes', label: 'Last changes' },
];

export function ServiceView() {
  const { params } = route.value;
  const name = params['name'] ?? '';
  const why = useApi<Asked<WhyAnswer>>(name === '' ? null : address('ask/why', { what: name }));
  if (name === '')
    return <><h1>Service</h1><Empty title="This address names no service."><p><a href={href('services')}>Choose one from the list.</a></p></Empty></>;
  const answer = why.data?.answer ?? null;
  const diagnoses = answer?.diagnoses ?? [];
  // The tab that opens is the one a person came for: the first client that is not served.
  const first = [...diagnoses].sort((a, b) => weight(a) - weight(b)).find((diagnosis) => diagnosis.state !== 'works');
  const from = places.find((place) => place === params['from']) ?? (first === undefined ? null : placeOf(first)) ?? 'pod';
  const own = diagnoses.filter((diagnosis) => concerns(diagnosis, from));
  return (
    <>
      <p class="crumbs"><a href={href('services')}>Services</a> /</p>
      <Head name={name} row={home.value?.rows.find((known) => known.name === name) ?? null} />
      {why.error !== null && <Failure error={why.error} />}
      {why.data === null && why.error === null && <Loading isSlow={why.isSlow} what="Following its packets" />}
      {why.data !== null && answer === null && (
        <Empty title={why.data.messages[0] ?? 'The rules have no such service.'}><p><a href={href('services')}>All services</a> of this input.</p></Empty>
      )}
      {why.data !== null && answer !== null && (
        <>
          <Tabs<Place> label="Client" chosen={from} onChoose={(id) => replace({ from: id })}
            tabs={places.map((id) => ({ id, label: <><StateIcon state={worstFor(diagnoses, id)} />{labels[id]}<span class="unseen">: {worstFor(diagnoses, id)}</span></> }))}>
            {own.length === 0
              ? <Empty title="Nothing is known of these clients."><p>{diagnoses.length === 0 ? 'The input shows no frontend of this service.' : 'The service has no frontend for them.'}</p></Empty>
              : <Verdicts diagnoses={own} service={name} />}
            <Notes notes={[...why.data.messages, ...answer.notes]} />
            <Command text={why.data.command} />
            <Drawn name={name} from={from} failing={own.filter((diagnosis) => diagnosis.state === 'fails')} />
          </Tabs>
          <Panels name={name} from={from} />
        </>
      )}
    </>
  );
}

function weight(diagnosis: Diagnosis): number {
  return ['fails', 'unknown', 'limited', 'works', 'pending'].indexOf(stateOf(diagnosis));
}

// Sources that are not of the cluster have words of their own, such as "from a source that is not allowed".
function placeOf({ client }: Diagnosis): Place {
  return client.includes('a pod') ? 'pod' : client.includes('this node') ? 'node' : 'outside';
}

function concerns(diagnosis: Diagnosis, place: Place): boolean {
  return placeOf(diagnosis) === place;
}

function worstFor(diagnoses: readonly Diagnosis[], place: Place) {
  return worst(diagnoses.filter((diagnosis) => concerns(diagnosis, place)));
}

function Head({ name, row }: { name: string; row: HomeRow | null }) {
  return (
    <div class="service-head">
      <h1 class="name">{name}</h1>
      {row !== null && <State state={row.state} />}
      {row !== null && (
        <ul class="facts">
          <li>{row.protocol}{row.family === 'IPv6' && ', IPv6'}</li>
          <li>{row.frontends.map((frontend, at) => <span key={at}>{at > 0 && ', '}<span class="address">{frontend.text}</span></span>)}</li>
          <li>{row.endpoints}{row.total !== null && `/${row.total}`} <Term word="endpoint">{row.endpoints === 1 && row.total === null ? 'endpoint' : 'endpoints'}</Term></li>
          {row.policies.length > 0 && <li><Term word="policy">{row.policies.join(', ')}</Term></li>}
          {row.writer !== null && <li><Term word="writer">written</Term> by {row.writer}</li>}
        </ul>
      )}
    </div>
  );
}

function Drawn({ name, from, failing }: { name: string; from: Place; failing: readonly Diagnosis[] }) {
  const isChains = route.value.params['picture'] === 'chains';
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const graph = useApi<Asked<GraphAnswer>>(address('ask/graph', { what: name, chains: isChains }));
  const answer = graph.data?.answer ?? null;
  const drawn = useMemo(() => (answer === null ? null : stopped(answer, isChains ? null : from, isChains ? [] : failing)), [answer, from, isChains, failing.map((one) => one.subject).join()]);
  const box = drawn?.boxes.find((known) => known.id === chosen?.id) ?? null;
  return (
    <div class={isChains ? 'picture-and-below' : 'picture-and-side'}>
      <section aria-labelledby="picture-heading">
        <div class="picture-head">
          <h2 id="picture-heading">Where packets go {labels[from].toLowerCase()}</h2>
          <Chips label="How much the picture shows" chosen={isChains ? 'chains' : 'decisions'} onChoose={(id) => { setChosen(null); replace({ picture: id === 'chains' ? id : undefined }); }}
            choices={[{ id: 'decisions', label: 'decisions' }, { id: 'chains', label: 'every chain' }]} />
        </div>
        {graph.error !== null && <Failure error={graph.error} />}
        {graph.data === null && graph.error === null && <Loading isSlow={graph.isSlow} what="Drawing" />}
        {graph.data !== null && (drawn === null || drawn.boxes.length === 0) && <Empty title="There is nothing to draw."><p>{graph.data.messages[0] ?? `The rules lead nowhere for packets ${labels[from].toLowerCase()}.`}</p></Empty>}
        {drawn !== null && drawn.boxes.length > 0 && <Picture model={drawn} chosen={box?.id ?? null} onChoose={setChosen} describe={`${name}: where packets go ${labels[from].toLowerCase()}`} />}
        <Notes notes={answer?.notes} label="What the picture assumes or leaves out" />
        <Command text={graph.data?.command} />
      </section>
      <div class="side">
        {box === null
          ? <p class="quietly">Choose a box of the picture: {isChains ? 'its rules are shown here.' : 'what decides there is shown here.'}</p>
          : <BoxDetails box={box} service={name} onClose={() => setChosen(null)} />}
        <EndpointsTable name={name} from={from} />
        <p><a class="button" href={href('packet', { src: from, dst: name })}>Follow one packet, rule by rule</a></p>
        {state.value?.canWatch === true && <p class="quietly">There a real packet can be waited for, too.</p>}
      </div>
    </div>
  );
}

/** The picture, with the path lit on which the packets that fail come to their end. */
function stopped(answer: GraphAnswer, place: Place | null, failing: readonly Diagnosis[]) {
  const whole = model(answer, place);
  const lit = new Set(failing.flatMap((diagnosis) => [...between(whole, diagnosis.subject.split(' at ').at(-1) ?? '', (box) => box.kind === 'deadend')]));
  return light(whole, (box) => lit.has(box.id));
}

function Panels({ name, from }: { name: string; from: Place }) {
  const shown = panels.find((panel) => panel.id === route.value.params['show'])?.id ?? 'words';
  const service = home.value?.rows.find((known) => known.name === name)?.service ?? name.replace(/:[^:/]*$/, '');
  return (
    <Tabs<Panel> label="Behind the picture" chosen={shown} onChoose={(id) => replace({ show: id })} tabs={panels}>
      {shown === 'words' && <ExplainPanel name={name} from={from} />}
      {shown === 'rules' && <RulesPanel name={name} />}
      {shown === 'objects' && <YamlPanel service={service} hasCluster={state.value?.hasCluster ?? false} />}
      {shown === 'changes' && <ChangesPanel service={service} hasTimeline={state.value?.hasTimeline ?? false} />}
    </Tabs>
  );
}
