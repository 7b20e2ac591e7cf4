// What is behind a service: endpoints, the path in words, rules, objects, changes.
import { useMemo, useState } from 'preact/hooks';
import { address, useApi } from '../api';
import { Command, Empty, Failure, Loading, Notes, Scroll } from '../parts/basics';
import { state, timelineTick } from '../store';
import { capital, count, share, shortPath, time } from '../text';
import type { Asked, ExplainPath, GraphNode, Place, RuleAnswer, ServiceAnswer, TimelineAnswer } from '../types';

export type Chosen = GraphNode;

const kindWords: Record<string, string> = {
  client: 'client', frontend: 'frontend', decision: 'decision', foreign: 'rule of another program', endpoint: 'endpoint', elsewhere: 'not an endpoint of the service',
  untranslated: 'not translated', deadend: 'end', missing: 'not in the input', unknown: 'unknown', hook: 'hook', chain: 'chain', mark: 'mark',
};

export function BoxDetails({ box, service, onClose }: { box: Chosen; service: string; onClose: () => void }) {
  const [title, ...rest] = box.label.split('\n');
  const isChain = box.kind === 'chain' || box.kind === 'mark' || box.kind === 'hook';
  return (
    <section class="box-details" aria-label="The chosen box" aria-live="polite">
      <div class="box-head"><h3 class="name">{title}</h3><button type="button" class="quiet" onClick={onClose} aria-label="Close">×</button></div>
      <p class="quietly">{kindWords[box.kind] ?? box.kind}{rest.length > 0 && `: ${rest.join(' ')}`}</p>
      {box.owner !== undefined && <p>Probably written by {box.owner}.</p>}
      {box.rule !== undefined && <pre class="rule">{box.rule}</pre>}
      {isChain && title !== undefined && <ChainRules chain={title} service={service} />}
      {!isChain && box.rule === undefined && <p class="quietly">{box.kind === 'client' ? 'Where the packets come from.' : 'It follows from the service’s own rules: “What the kernel holds” below has them.'}</p>}
    </section>
  );
}

function ChainRules({ chain, service }: { chain: string; service: string }) {
  const all = useApi<Asked<{ rules: RuleAnswer[] }>>(address('ask/rules', { what: service }));
  const rules = (all.data?.answer?.rules ?? []).filter((rule) => rule.chain === chain);
  if (all.data === null)
    return <Loading isSlow={all.isSlow} what="Reading the rules" />;
  if (rules.length === 0)
    return <p class="quietly">No rule of this chain names the service.</p>;
  return <ol class="rule-list">{rules.map((rule) => <li key={`${rule.table}${rule.rule}`}><Rule rule={rule} /></li>)}</ol>;
}

function Rule({ rule }: { rule: RuleAnswer }) {
  return (
    <>
      <span class="rule-number" title={rule.source}>{rule.rule === null ? 'policy' : `rule ${rule.rule}`}</span> {rule.meaning}
      <pre class="rule">{rule.text}</pre>
    </>
  );
}

export function EndpointsTable({ name, from }: { name: string; from: Place }) {
  const answer = useApi<Asked<{ services: ServiceAnswer[] }>>(address('ask/services', { what: name }));
  const services = answer.data?.answer?.services ?? [];
  return (
    <section aria-label="Endpoints">
      <h3>Endpoints</h3>
      {answer.data === null && (answer.error !== null ? <Failure error={answer.error} /> : <Loading isSlow={answer.isSlow} what="Reading the endpoints" />)}
      {answer.data !== null && services.length === 0 && <p class="quietly">{answer.data.messages.join(' ') || 'None.'}</p>}
      {services.map((service) => <Endpoints key={`${service.service}${service.port}${service.protocol}${service.family}`} service={service} isSeveral={services.length > 1} from={from} />)}
    </section>
  );
}

function Endpoints({ service, isSeveral, from }: { service: ServiceAnswer; isSeveral: boolean; from: Place }) {
  const outside = new Map<string, string[]>();
  for (const frontend of from === 'outside' ? service.frontends : [])
    for (const endpoint of frontend.endpoints)
      if (endpoint.address !== null)
        outside.set(endpoint.address, [...(outside.get(endpoint.address) ?? []), frontend.kind]);
  const caption = `${service.service ?? ''}${service.port ? `:${service.port}` : ''} ${service.protocol} ${service.family}`;
  return (
    <>
      {isSeveral && <p class="quietly">{caption}</p>}
      {service.endpoints.length === 0
        ? <p>None in the rules{service.endpointsInCluster !== undefined && `; ${service.endpointsInCluster} in the cluster`}.</p>
        : (
          <table class="table">
            <caption class="unseen">Endpoints of {caption}</caption>
            <thead><tr><th scope="col">Address</th><th scope="col" class="number">Share</th><th scope="col" class="number" title="The probability as its rule has it">In its rule</th></tr></thead>
            <tbody>{service.endpoints.map((endpoint, at) => (
              <tr key={at}>
                <td class="address">{endpoint.address ?? <em>not in the input</em>}</td>
                <td class="number">{endpoint.share === null ? '?' : <><meter class="share-bar" min={0} max={1} value={endpoint.share} aria-label="share" /> {share(endpoint.share)}</>}</td>
                <td class="number quietly">{endpoint.printed === undefined ? '–' : Number(endpoint.printed) > 0 ? Number(endpoint.printed).toFixed(4) : endpoint.printed}</td>
              </tr>
            ))}</tbody>
          </table>
        )}
      {service.endpoints.length > 0 && service.endpointsInCluster !== undefined && service.endpointsInCluster !== service.endpoints.length
        && <p>{count(service.endpoints.length, 'endpoint')} in the rules, {service.endpointsInCluster} in the cluster.</p>}
      {service.frontends.some((frontend) => frontend.obstacle !== undefined) && <ul class="plain">{service.frontends.filter((frontend) => frontend.obstacle !== undefined)
        .map((frontend) => <li key={`${frontend.kind}${frontend.port}`}><span class="address">{frontend.address ?? '*'}:{frontend.port}</span>: {frontend.obstacle}</li>)}</ul>}
    </>
  );
}

export function ExplainPanel({ name, from }: { name: string; from: Place }) {
  const answer = useApi<Asked<{ paths: ExplainPath[] }>>(address('ask/explain', { what: name, from }));
  if (answer.data === null)
    return answer.error === null ? <Loading isSlow={answer.isSlow} what="Explaining" /> : <Failure error={answer.error} />;
  const paths = answer.data.answer?.paths ?? [];
  return (
    <>
      {paths.length === 0 && <Empty title="No path to explain."><p>{answer.data.messages.join(' ') || 'No rule of the service takes packets of this client.'}</p></Empty>}
      {paths.map((path) => <Path key={`${path.frontend}${path.service}${path.from}${path.protocol}`} path={path} isOpen={paths.length === 1} />)}
      <Command text={answer.data.command} />
    </>
  );
}

function Path({ path, isOpen }: { path: ExplainPath; isOpen: boolean }) {
  return (
    <details class="path" open={isOpen}>
      <summary><span class="address">{path.frontend}</span> <span class="quietly">{path.kind}</span><span class="path-end"> {path.conclusions[0] ?? ''}</span></summary>
      <ol class="steps">{path.steps.map((step, at) => (
        <li key={at} class={step.hook !== path.steps[at - 1]?.hook ? 'begins-hook' : ''}>
          {step.hook !== path.steps[at - 1]?.hook && <span class="hook">{step.hook}<span class="quietly">, to <span class="address">{step.destination}</span></span></span>}
          <span class="step-where">{step.table} {step.chain} {step.rule === null ? 'policy' : `rule ${step.rule}`}: {step.why === '' ? 'every packet' : step.why}</span>
          <span class="step-what">{step.what}</span>
        </li>
      ))}</ol>
      {path.choice.length > 0 && <Choice path={path} />}
      <ul class="conclusions">{path.conclusions.map((line) => <li key={line}>{line}</li>)}</ul>
      {path.unknown.length > 0 && <Notes notes={path.unknown} label="What the input does not show" />}
    </details>
  );
}

function Choice({ path }: { path: ExplainPath }) {
  let left = 1;
  return (
    <Scroll label="How the endpoint is chosen">
      <table class="table">
        <caption>Rules are tried from the top; each takes its part of what the ones above leave.</caption>
        <thead><tr><th scope="col">Endpoint</th><th scope="col" class="number">Its rule says</th><th scope="col" class="number">Reached by</th><th scope="col" class="number">Gets</th></tr></thead>
        <tbody>{path.choice.map((choice, at) => {
          const reached = left;
          left -= choice.share ?? 0;
          return (
            <tr key={at}><td class="address">{choice.endpoint}</td><td class="number">{choice.printed === '' ? 'all the rest' : choice.printed}</td>
              <td class="number">{choice.share === null ? '?' : `${(Math.max(0, reached) * 100).toFixed(1)} %`}</td><td class="number">{choice.share === null ? '?' : share(choice.share)}</td></tr>
          );
        })}</tbody>
      </table>
    </Scroll>
  );
}

export function RulesPanel({ name }: { name: string }) {
  const answer = useApi<Asked<{ rules: RuleAnswer[] }>>(address('ask/rules', { what: name }));
  const [most, setMost] = useState(200);
  const rules = answer.data?.answer?.rules ?? [];
  const chains = useMemo(() => {
    const found = new Map<string, RuleAnswer[]>();
    for (const rule of rules.slice(0, most)) {
      const key = `${rule.family} ${rule.table} ${rule.chain}`;
      found.set(key, [...(found.get(key) ?? []), rule]);
    }
    return [...found];
  }, [rules, most]);
  if (answer.data === null)
    return answer.error === null ? <Loading isSlow={answer.isSlow} what="Reading the rules" /> : <Failure error={answer.error} />;
  return (
    <>
      {rules.length === 0 && <Empty title="No rule names this service."><p>{answer.data.messages.join(' ') || 'Its packets are handled by something that the input does not show.'}</p></Empty>}
      {chains.map(([chain, of]) => (
        <section key={chain} class="chain">
          <h3 class="name">{chain}</h3>
          {of[0]?.purpose != null && of[0].purpose !== '' && <p class="quietly">{capital(of[0].purpose)}.</p>}
          <ol class="rule-list">{of.map((rule) => (
            <li key={rule.rule ?? 'policy'}><Rule rule={rule} />{rule.packets !== null && rule.packets > 0 && <span class="quietly">{count(rule.packets, 'packet')}</span>}
              {rule.source !== undefined && <span class="place" title={rule.source}>{shortPath(rule.source)}</span>}</li>
          ))}</ol>
        </section>
      ))}
      {rules.length > most && <button type="button" onClick={() => setMost(most + 500)}>Show more of {rules.length.toLocaleString('en')} rules</button>}
      <Command text={answer.data.command} />
    </>
  );
}

export function YamlPanel({ service, hasCluster }: { service: string; hasCluster: boolean }) {
  const answer = useApi<{ yaml: string; command: string }>(hasCluster ? address('objects', { service }) : null);
  if (!hasCluster)
    return (
      <Empty title="The cluster’s objects are not known here.">
        <p>The rules alone were given. Start the console with <code>--manifests DIR</code> or <code>--kubeconfig FILE</code>, and it compares the rules with the Services and EndpointSlices.</p>
      </Empty>
    );
  if (answer.data === null)
    return answer.error === null ? <Loading isSlow={answer.isSlow} what="Reading the objects" />
      : answer.error.status === 404 ? <Empty title={answer.error.message}><p>Rules without an object are left over, or written by something else: <code>portolan check</code> tells.</p></Empty>
        : <Failure error={answer.error} />;
  return <><Scroll label="Service and EndpointSlices as YAML"><pre class="yaml">{answer.data.yaml}</pre></Scroll><Command text={answer.data.command} /></>;
}

export function ChangesPanel({ service, hasTimeline }: { service: string; hasTimeline: boolean }) {
  const answer = useApi<TimelineAnswer>(hasTimeline ? address('timeline') : null, timelineTick.value);
  if (!hasTimeline)
    return (
      <Empty title="Changes are known to a running proxy only.">
        <p>{state.value?.kind === 'files' || state.value?.kind === 'dropped' ? 'A dump is one moment. ' : ''}<code>portolan proxy --console 127.0.0.1:8484</code> serves this page with what it has done.</p>
      </Empty>
    );
  if (answer.data === null)
    return answer.error === null ? <Loading isSlow={answer.isSlow} what="Reading the changes" /> : <Failure error={answer.error} />;
  const entries = answer.data.entries.filter((entry) => entry.subject === service);
  if (entries.length === 0)
    return <Empty title="Nothing happened to this service alone."><p>Syncs that changed several services are in the timeline.</p></Empty>;
  return <ol class="changes">{entries.map((entry) => <li key={entry.time + entry.text}><time dateTime={entry.time}>{time(entry.time)}</time> {entry.text}</li>)}</ol>;
}
