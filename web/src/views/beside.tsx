// Beside the picture: the endpoints, the rules, the walk in words, and what the cluster says.
import { address, useApi } from '../api';
import { placeLabel } from '../clients';
import { Command, Empty, Failure, Loading, Notes, Scroll, Tabs, Term } from '../parts/basics';
import { RuleList } from '../parts/rules';
import { replace, route } from '../router';
import { state } from '../store';
import { count, share } from '../text';
import type { Asked, ExplainPath, Place, RuleAnswer, ServiceAnswer } from '../types';

type Part = 'endpoints' | 'words' | 'rules' | 'yaml';
const parts: readonly Part[] = ['endpoints', 'words', 'rules', 'yaml'];

export function Beside({ name, from }: { name: string; from: Place }) {
  const asked = route.value.params['show'];
  const shown = parts.find((part) => part === asked) ?? 'endpoints';
  return (
    <section aria-label="More about it">
      <Tabs<Part> label="More about it" chosen={shown} onChoose={(id) => replace({ show: id === 'endpoints' ? undefined : id })} tabs={[
        { id: 'endpoints', label: 'Endpoints' },
        { id: 'words', label: 'In words' },
        { id: 'rules', label: 'What the kernel has' },
        { id: 'yaml', label: 'What the cluster says' },
      ]}>
        {shown === 'endpoints' && <Endpoints name={name} />}
        {shown === 'words' && <Words name={name} from={from} />}
        {shown === 'rules' && <Rules name={name} />}
        {shown === 'yaml' && <Yaml name={name} />}
      </Tabs>
    </section>
  );
}

function Endpoints({ name }: { name: string }) {
  const { data, error, isSlow } = useApi<Asked<{ services: ServiceAnswer[]; notes: string[] }>>(address('ask/services', { what: name }));
  if (error !== null)
    return <Failure error={error} />;
  if (data === null)
    return <Loading isSlow={isSlow} what="Reading" />;
  const services = data.answer?.services ?? [];
  return (
    <>
      {services.map((service, at) => (
        <div key={at} class="pair">
          <Scroll label="Frontends">
            <table>
              <caption><Term word="frontend">Frontends</Term></caption>
              <thead><tr><th scope="col">Kind</th><th scope="col">Address</th><th scope="col">From outside</th><th scope="col" class="number">Rules before</th></tr></thead>
              <tbody>{service.frontends.map((frontend, row) => (
                <tr key={row}><td>{frontend.kind}</td><td class="address">{joined(frontend.address, frontend.port)}</td>
                  <td>{frontend.outside}{frontend.obstacle !== undefined && <span class="quietly"> ({frontend.obstacle})</span>}</td><td class="number">{frontend.rulesBefore ?? '–'}</td></tr>
              ))}</tbody>
            </table>
          </Scroll>
          {service.endpoints.length === 0
            ? <Empty title="It has no endpoints in the rules."><p>{service.endpointsInCluster === undefined ? 'With the cluster’s objects beside the rules the console could say whether it should have some.' : `The cluster's slices have ${count(service.endpointsInCluster, 'endpoint')} for it.`}</p></Empty>
            : <Scroll label="Endpoints">
              <table>
                <caption><Term word="endpoint">Endpoints</Term> {service.endpointsInCluster !== undefined && `${service.endpoints.length} in the rules, ${service.endpointsInCluster} in the cluster`}</caption>
                <thead><tr><th scope="col">Endpoint</th><th scope="col">Share</th><th scope="col" class="number">In its rule</th><th scope="col">Chain</th></tr></thead>
                <tbody>{service.endpoints.map((endpoint, row) => (
                  <tr key={row}><td class="address">{endpoint.address ?? <span class="quietly">not in the input</span>}</td>
                    <td>{endpoint.share === null ? 'unknown' : <><meter min={0} max={1} value={endpoint.share} aria-hidden="true" /> {share(endpoint.share)}</>}</td>
                    <td class="number address">{endpoint.printed ?? '–'}</td><td class="address">{endpoint.chain ?? '–'}</td></tr>
                ))}</tbody>
              </table>
            </Scroll>}
        </div>
      ))}
      {services.length === 0 && <Empty title={data.messages[0] ?? 'The rules have no such service.'} />}
      <Notes notes={data.answer?.notes} />
      <Command text={data.command} />
    </>
  );
}

function joined(host: string | null, port: number): string {
  return host === null ? `*:${port}` : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function Words({ name, from }: { name: string; from: Place }) {
  const { data, error, isSlow } = useApi<Asked<{ paths: ExplainPath[] }>>(address('ask/explain', { what: name, from }));
  if (error !== null)
    return <Failure error={error} />;
  if (data === null)
    return <Loading isSlow={isSlow} what="Following the rules" />;
  const paths = data.answer?.paths ?? [];
  return (
    <>
      {paths.map((path, at) => (
        <article key={at} class="words-path">
          <h3>{placeLabel[path.from]} ({path.source}) to <span class="address">{path.frontend}</span></h3>
          <ol>{path.steps.map((step, row) => (
            <li key={row}><span class="quietly">{step.hook}, {step.table} <span class="address">{step.chain}</span>{step.rule !== null && ` rule ${step.rule}`}{step.why !== '' && `: ${step.why}`}</span><br />{step.what}</li>
          ))}</ol>
          {path.choice.length > 1 && (
            <Scroll label="How the endpoint is chosen"><table>
              <caption>How the endpoint is chosen: each rule sees only what those above it leave</caption>
              <thead><tr><th scope="col">Endpoint</th><th scope="col" class="number">Its rule says</th><th scope="col" class="number">It gets</th></tr></thead>
              <tbody>{path.choice.map((choice, row) => (
                <tr key={row}><td class="address">{choice.endpoint}</td><td class="number address">{choice.printed || 'the rest'}</td><td class="number">{choice.share === null ? 'unknown' : share(choice.share)}</td></tr>
              ))}</tbody>
            </table></Scroll>
          )}
          {path.conclusions.map((sentence) => <p key={sentence}>{sentence}</p>)}
          {path.unknown.map((sentence) => <p key={sentence} class="unsure">{sentence}</p>)}
        </article>
      ))}
      {paths.length === 0 && <Empty title={data.messages[0] ?? 'No path to tell of.'} />}
      <Command text={data.command} />
    </>
  );
}

function Rules({ name }: { name: string }) {
  const { data, error, isSlow } = useApi<Asked<{ rules: RuleAnswer[] }>>(address('ask/rules', { what: name }));
  if (error !== null)
    return <Failure error={error} />;
  if (data === null)
    return <Loading isSlow={isSlow} what="Reading the rules" />;
  const rules = data.answer?.rules ?? [];
  return (
    <>
      {rules.length === 0 ? <Empty title={data.messages[0] ?? 'No rule names this service.'}><p>In mode ipvs its endpoints are in the kernel’s virtual servers: see Endpoints.</p></Empty> : <RuleList rules={rules} />}
      <Command text={data.command} />
    </>
  );
}

function Yaml({ name }: { name: string }) {
  const isKnown = state.value?.hasCluster === true;
  const { data, error, isSlow } = useApi<{ yaml: string; command: string }>(isKnown ? address('objects', { service: name.replace(/:[^:/]*$/, '') }) : null);
  if (!isKnown)
    return (
      <Empty title="The console has only the rules.">
        <p>Start it with <code>--manifests DIR</code> (from <code>kubectl get services,endpointslices,nodes -A -o yaml</code>) or with <code>--kubeconfig FILE</code>, and the Service and its slices are shown here.</p>
      </Empty>
    );
  if (error !== null)
    return <Failure error={error} />;
  if (data === null)
    return <Loading isSlow={isSlow} what="Reading the cluster’s objects" />;
  return <><Scroll label="Service and slices" class="yaml"><pre>{data.yaml}</pre></Scroll><Command text={data.command} /></>;
}
