// The article's claim for this node: how many rules a packet meets before those of its service.
import { address, useApi } from '../api';
import { Command, Empty, Failure, Loading, Scroll } from '../parts/basics';
import { href } from '../router';
import { home, state } from '../store';
import { count } from '../text';
import type { CostsAnswer } from '../types';

type Mode = CostsAnswer['modes'][number];

export function CostsView() {
  const answer = useApi<CostsAnswer>(address('costs'));
  const costs = answer.data;
  return (
    <>
      <h1>O(n): rules before each service</h1>
      {answer.error !== null && <Failure error={answer.error} />}
      {costs === null && answer.error === null && <Loading isSlow={answer.isSlow} what="Counting rules" />}
      {costs !== null && costs.frontends === 0 && <Empty title="There are no services to count rules for."><p>Neither rules nor servers of services were found. <a href={href('drop')}>Give the page a dump</a> that has some.</p></Empty>}
      {costs !== null && costs.frontends > 0 && <Costs costs={costs} />}
      <Command text={`portolan services ${state.value?.command ?? ''}`.trim()} />
    </>
  );
}

function Costs({ costs }: { costs: CostsAnswer }) {
  const here = costs.modes.find((mode) => mode.isHere);
  return (
    <>
      <p class="lead">
        {here === undefined ? 'What a new connection costs here depends on where its service stands in the list.'
          : here.unit === 'rules' && here.most > 10
            ? <>In a list, each new connection is checked against every rule above its own: here the middle one of {count(costs.frontends, 'frontend')} waits for <b>{count(here.median, 'rule')}</b>, the last for <b>{here.most.toLocaleString('en')}</b>. Twice the services, twice the wait; established connections are spared.</>
            : <>Here a new connection finds its service after {here.least === here.most ? <b>{count(here.most, here.unit.replace(/s$/, ''))}</b> : <><b>{here.least}</b> to <b>{count(here.most, here.unit.replace(/s$/, ''))}</b></>}, and the number of services ({costs.services.toLocaleString('en')}) hardly matters. A list would check it against every rule above its own.</>}
      </p>
      <section aria-labelledby="modes-heading">
        <h2 id="modes-heading">Here, and in other modes</h2>
        <Modes modes={costs.modes} />
      </section>
      {costs.histogram.length > 0 && <section aria-labelledby="histogram-heading">
        <h2 id="histogram-heading">How many frontends wait for how many rules</h2>
        <Histogram bins={costs.histogram} />
      </section>}
      {costs.rows.length > 0 && <section aria-labelledby="worst-heading">
        <h2 id="worst-heading">The {costs.rows.length} that wait longest</h2>
        <Scroll label="Frontends with most rules before them">
          <table class="table wide"><thead><tr><th scope="col">Service</th><th scope="col">Frontend</th><th scope="col" class="number">Rules before</th></tr></thead>
            <tbody>{costs.rows.map((row) => (
              <tr key={row.name + row.frontend}><td>{home.value?.rows.some((known) => known.name === row.name) === true ? <a class="name" href={href('service', { name: row.name })}>{row.name}</a> : row.name}</td>
                <td class="address">{row.frontend}</td><td class="number">{row.rules.toLocaleString('en')}</td></tr>
            ))}</tbody></table>
        </Scroll>
      </section>}
    </>
  );
}

function Modes({ modes }: { modes: readonly Mode[] }) {
  const most = Math.max(...modes.map((mode) => mode.most), 1);
  // A root scale: a list of 10,000 and a look-up of 3 must both be seen.
  const at = (value: number) => (Math.sqrt(value / most) * 100).toFixed(2);
  return (
    <>
      <ul class="modes">{modes.map((mode) => (
        <li key={mode.mode} class={mode.isHere ? 'is-here' : ''}>
          <span class="mode-name">{mode.mode}{mode.isHere && <b class="tag">here</b>}</span>
          <svg class="mode-bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true" focusable="false">
            <rect class="track" x="0" y="5" width="100" height="2" />
            <rect class="range" x={at(mode.least)} y="2" width={Math.max(0.6, Number(at(mode.most)) - Number(at(mode.least)))} height="8" />
            <rect class="median" x={Math.min(99.2, Math.max(0, Number(at(mode.median)) - 0.4))} y="0" width="0.8" height="12" />
          </svg>
          <span class="mode-figures">{mode.least === mode.most ? mode.most.toLocaleString('en') : <>{mode.least.toLocaleString('en')} – <b>{mode.median.toLocaleString('en')}</b> – {mode.most.toLocaleString('en')}</>} {mode.unit}</span>
          <span class="mode-note">{mode.note}</span>
        </li>
      ))}</ul>
      <p class="quietly">Least – median – most. Lengths are square roots of the numbers, so that small ones can be seen.</p>
    </>
  );
}

function Histogram({ bins }: { bins: CostsAnswer['histogram'] }) {
  const first = bins[0]!;
  const step = first.to - first.from + 1;
  const last = bins.at(-1)!;
  // Bins without a service are left out of the answer, but not of the picture.
  const known = new Map(bins.map((bin) => [bin.from, bin.services]));
  const slots: { from: number; to: number; services: number }[] = [];
  for (let from = first.from; from <= last.from && slots.length < 400; from += step)
    slots.push({ from, to: from + step - 1, services: known.get(from) ?? 0 });
  const most = Math.max(...slots.map((slot) => slot.services));
  const width = 640 / slots.length;
  return (
    <figure class="histogram">
      <svg viewBox="0 0 640 130" role="img" aria-label={`Distribution: ${bins.map((bin) => `${bin.from} to ${bin.to} rules: ${bin.services}`).join('; ')}`}>
        {slots.map((slot, at) => {
          const height = (slot.services / most) * 110;
          return <rect key={slot.from} class="bin" x={at * width + 0.5} y={115 - height} width={Math.max(0.5, width - 1)} height={height}><title>{`${slot.from} to ${slot.to} rules: ${slot.services}`}</title></rect>;
        })}
        <path class="axis" d="M0 115.5H640" />
        <text x="0" y="128">{first.from}</text><text x="320" y="128" text-anchor="middle">rules before the service</text><text x="640" y="128" text-anchor="end">{last.to.toLocaleString('en')}</text>
      </svg>
    </figure>
  );
}
