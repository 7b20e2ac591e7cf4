// Several nodes: the services whose cells differ, and two nodes side by side.
import { useState } from 'preact/hooks';
import { address, useApi } from '../api';
import { Chips, Command, Empty, Failure, Loading, Notes, Scroll } from '../parts/basics';
import { StateIcon } from '../parts/icons';
import { href, replace, route } from '../router';
import { hasSeveralNodes, state } from '../store';
import { capital, share } from '../text';
import type { Asked, MatrixAnswer, ServiceAnswer, Verdict, WhyAnswer } from '../types';
import { stateOf } from './verdicts';

type Row = MatrixAnswer['rows'][number];
const step = 200;

const looks: Record<string, Verdict> = { ok: 'works', stopped: 'fails', 'no endpoints': 'fails', 'no local endpoint': 'limited', 'not served': 'fails', absent: 'fails', unknown: 'unknown' };

export function NodesView() {
  const { params } = route.value;
  const isKnown = state.value !== null;
  const answer = useApi<MatrixAnswer>(isKnown && hasSeveralNodes.value ? '/api/matrix' : null);
  const [typed, setTyped] = useState('');
  const [most, setMost] = useState(step);
  const matrix = answer.data;
  const isAll = params['all'] === 'true';
  const rows = (matrix?.rows ?? []).filter((row) => (isAll || row.differs) && row.service.toLowerCase().includes(typed.toLowerCase()));
  const differing = (matrix?.rows ?? []).filter((row) => row.differs).length;
  // Rows that differ come first among all of them.
  const sorted = [...rows].sort((a, b) => Number(b.differs) - Number(a.differs));
  return (
    <>
      <h1>Nodes</h1>
      {isKnown && !hasSeveralNodes.value && (
        <Empty title="One node alone cannot be compared.">
          <p>Start the console with <code>portolan console --node NAME --node NAME</code>, with a kubeconfig that reaches the cluster: it reads each node’s rules and shows where they differ.</p>
        </Empty>
      )}
      {answer.error !== null && <Failure error={answer.error} />}
      {hasSeveralNodes.value && matrix === null && answer.error === null && <Loading isSlow={answer.isSlow} what="Asking the nodes" />}
      {matrix !== null && (
        <>
          <p class="summary" role="status">{differing === 0 ? `All ${matrix.nodes.length} nodes agree on all ${matrix.rows.length.toLocaleString('en')} services.` : `${differing.toLocaleString('en')} of ${matrix.rows.length.toLocaleString('en')} services differ between ${matrix.nodes.length} nodes.`}{!matrix.isComplete && ' Some nodes have not answered yet.'}</p>
          {matrix.silent.length > 0 && <Notes notes={matrix.silent.map((silent) => `${silent.node}: ${silent.reason}`)} label="Nodes that did not answer" />}
          <div class="home-tools">
            <label class="search"><span class="unseen">Search the services</span><input type="search" value={typed} placeholder="Service" autocomplete="off" spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} /></label>
            <Chips label="Which services" chosen={isAll ? 'all' : 'differing'} onChoose={(id) => replace({ all: id === 'all' ? 'true' : undefined })}
              choices={[{ id: 'differing', label: 'those that differ', count: differing }, { id: 'all', label: 'all', count: matrix.rows.length }]} />
          </div>
          {params['service'] !== undefined && params['a'] !== undefined && params['b'] !== undefined && <Compare service={params['service']} a={params['a']} b={params['b']} nodes={matrix.nodes} />}
          {sorted.length === 0 ? <Empty title={typed !== '' ? 'No service matches.' : 'No service differs.'}><p>{isAll ? '' : 'Choose “all” to see those that are the same everywhere.'}</p></Empty> : (
            <Scroll label="Services and nodes" class="matrix-scroll">
              <table class="matrix">
                <thead><tr><th scope="col">Service</th>{matrix.nodes.map((node) => <th key={node} scope="col"><span>{node}</span></th>)}</tr></thead>
                <tbody>{sorted.slice(0, most).map((row) => <MatrixRow key={row.service} row={row} nodes={matrix.nodes} />)}</tbody>
              </table>
            </Scroll>
          )}
          {sorted.length > most && <button type="button" onClick={() => setMost(most + step)}>Show more of {sorted.length.toLocaleString('en')}</button>}
        </>
      )}
      {matrix !== null && <Command text={`portolan ${params['service'] === undefined ? 'check' : `why ${params['service']}`} --all-nodes`} />}
    </>
  );
}

function MatrixRow({ row, nodes }: { row: Row; nodes: readonly string[] }) {
  const usual = row.cells.findIndex((cell) => !cell.differs);
  return (
    <tr class={row.differs ? 'differs' : ''}>
      <th scope="row"><a class="name" href={href('service', { name: row.service })}>{row.service}</a></th>
      {row.cells.map((cell, at) => {
        const other = cell.differs ? nodes[usual < 0 ? (at === 0 ? 1 : 0) : usual] : nodes[row.cells.findIndex((each) => each.differs)] ?? nodes[at === 0 ? 1 : 0];
        const look = looks[cell.state] ?? 'unknown';
        return (
          <td key={nodes[at]} class={cell.differs ? 'differs' : ''}>
            <button type="button" class="cell" title={`Compare ${nodes[at]} with ${other}`} onClick={() => replace({ service: row.service, a: nodes[at], b: other })}>
              <StateIcon state={look} /><span>{cell.state}</span><span class="quietly">{cell.endpoints}</span><span class="unseen"> endpoints{cell.differs && ', differs from most nodes'}; compare</span>
            </button>
          </td>
        );
      })}
    </tr>
  );
}

function Compare({ service, a, b, nodes }: { service: string; a: string; b: string; nodes: readonly string[] }) {
  const pick = (key: 'a' | 'b', value: string) => (
    <label><span class="unseen">Node</span><select value={value} onChange={(event) => replace({ [key]: event.currentTarget.value })}>{nodes.map((node) => <option key={node}>{node}</option>)}</select></label>
  );
  return (
    <section class="compare" aria-label={`${service} on two nodes`}>
      <div class="box-head"><h2 class="name">{service}</h2><button type="button" onClick={() => replace({ service: undefined, a: undefined, b: undefined })}>Close</button></div>
      <div class="compare-sides"><Side service={service} node={a} pick={pick('a', a)} /><Side service={service} node={b} pick={pick('b', b)} /></div>
    </section>
  );
}

function Side({ service, node, pick }: { service: string; node: string; pick: preact.JSX.Element }) {
  const why = useApi<Asked<WhyAnswer>>(address('ask/why', { what: service, node }));
  const held = useApi<Asked<{ services: ServiceAnswer[] }>>(address('ask/services', { what: service, node }));
  return (
    <div class="compare-side">
      <h3>{pick}</h3>
      {why.error !== null && <Failure error={why.error} />}
      {why.data === null && why.error === null && <Loading isSlow={why.isSlow} what={`Asking ${node}`} />}
      {why.data !== null && (why.data.answer === null ? <p>{why.data.messages.join(' ')}</p>
        : <ul class="plain">{why.data.answer.diagnoses.map((diagnosis) => <li key={diagnosis.subject + diagnosis.client}><StateIcon state={stateOf(diagnosis)} /> {capital(diagnosis.client)} at <span class="address">{diagnosis.subject.split(' at ').at(-1)}</span>: {diagnosis.verdict}{diagnosis.cause !== null && `: ${diagnosis.cause}`}</li>)}</ul>)}
      {held.data?.answer?.services.map((each) => <ul class="plain endpoints-list" key={`${each.port}${each.protocol}${each.family}`} aria-label={`Endpoints on ${node}`}>
        {each.endpoints.length === 0 && <li>no endpoint</li>}
        {each.endpoints.map((endpoint, at) => <li key={at}><span class="address">{endpoint.address ?? 'not in the input'}</span> <span class="quietly">{endpoint.share === null ? '' : share(endpoint.share)}</span></li>)}
      </ul>)}
      <p><a href={href('service', { name: service, node })}>The service on {node}</a></p>
    </div>
  );
}
