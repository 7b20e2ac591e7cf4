// The picture of the packet's service, lit where the packet goes.
import { useState } from 'preact/hooks';
import { address, useApi } from '../api';
import { light, model, pathBoxes, stepBoxes } from '../graph/model';
import { Picture } from '../graph/picture';
import { Chips, Loading, Notes } from '../parts/basics';
import { replace, route } from '../router';
import type { Asked, GraphAnswer, Outcome, Place, WalkStep } from '../types';
import { BoxDetails, type Chosen } from './service-panels';

interface Props {
  asked: Readonly<Record<string, string>>;
  outcome: Outcome;
  path: readonly WalkStep[];
  at: number | null;
}

export function PacketPicture({ asked, outcome, path, at }: Props) {
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const hasChains = route.value.params['picture'] !== 'decisions';
  // The rules that carry a service's name say whose packet it is; a packet that no such rule met may still be named by its destination.
  const service = path.find((step) => step.service !== null)?.service ?? (asked['dst']?.includes('/') === true ? asked['dst'] : undefined);
  const graph = useApi<Asked<GraphAnswer>>(service === undefined ? null : address('ask/graph', { what: service, chains: hasChains }));
  const answer = graph.data?.answer;
  if (service === undefined)
    return <p class="quietly">No rule of a service meets this packet, so there is no picture of one to lay it over.</p>;
  if (answer == null)
    return graph.data === null && graph.error === null ? <Loading isSlow={graph.isSlow} what="Drawing" /> : <Notes notes={graph.error !== null ? [graph.error.message] : graph.data?.messages} label="Why there is no picture" />;
  const whole = model(answer, hasChains ? null : placeOf(asked['src'] ?? ''));
  const lit = hasChains ? stepBoxes(whole, path, at, outcome) : pathBoxes(whole, asked, path, outcome);
  const drawn = light(whole, (box) => lit.has(box.id));
  return (
    <section aria-labelledby="picture-heading">
      <div class="walk-head">
        <h2 id="picture-heading">On the picture of <span class="name">{service}</span></h2>
        <Chips label="How much the picture shows" chosen={hasChains ? 'chains' : 'decisions'} onChoose={(id) => { setChosen(null); replace({ picture: id === 'decisions' ? id : undefined }); }}
          choices={[{ id: 'chains', label: 'every chain' }, { id: 'decisions', label: 'decisions' }]} />
      </div>
      <Picture model={drawn} chosen={chosen?.id ?? null} onChoose={setChosen} describe={`${service}: where the packet goes`} />
      {chosen !== null && <BoxDetails box={chosen} service={service} onClose={() => setChosen(null)} />}
    </section>
  );
}

function placeOf(source: string): Place | null {
  return source === 'pod' || source === 'outside' || source === 'node' ? source : null;
}
