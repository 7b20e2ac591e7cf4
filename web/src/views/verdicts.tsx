// What `why` says: each trouble once, with everybody whom it concerns, and what would mend it.
import { State } from '../parts/icons';
import { href } from '../router';
import { capital, count, shortPath } from '../text';
import type { Diagnosis, Verdict } from '../types';

const order: readonly Verdict[] = ['fails', 'unknown', 'limited', 'works', 'pending'];
// Those of which the service's own configuration is the cause: nothing is broken.
const onPurpose = new Set(['no-local-endpoint', 'source-not-allowed']);

export function stateOf(diagnosis: Diagnosis): Verdict {
  if (diagnosis.verdict.startsWith('unknown'))
    return 'unknown';
  return diagnosis.state === 'fails' && diagnosis.code !== null && onPurpose.has(diagnosis.code) ? 'limited' : diagnosis.state;
}

export function worst(diagnoses: readonly Diagnosis[]): Verdict {
  const found = new Set(diagnoses.map(stateOf));
  return order.find((state) => found.has(state)) ?? 'pending';
}

interface Group {
  state: Verdict;
  first: Diagnosis;
  all: Diagnosis[];
}

export function grouped(diagnoses: readonly Diagnosis[]): Group[] {
  const groups = new Map<string, Group>();
  for (const diagnosis of diagnoses) {
    const state = stateOf(diagnosis);
    const key = state === 'works' ? 'works' : JSON.stringify([diagnosis.verdict, diagnosis.code, diagnosis.cause, diagnosis.when ?? null, diagnosis.mend]);
    const group = groups.get(key);
    if (group === undefined)
      groups.set(key, { state, first: diagnosis, all: [diagnosis] });
    else
      group.all.push(diagnosis);
  }
  return [...groups.values()].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
}

export function Verdicts({ diagnoses, service }: { diagnoses: readonly Diagnosis[]; service: string }) {
  const groups = grouped(diagnoses);
  return (
    <section class="verdicts" aria-label="Diagnosis" aria-live="polite">
      <h2 class="unseen">Diagnosis</h2>
      {groups.map((group) => (group.state === 'works'
        ? <Works key="works" all={group.all} isAlone={groups.length === 1} />
        : <Trouble key={`${group.first.code}${group.first.cause}${group.first.verdict}`} group={group} service={service} />))}
    </section>
  );
}

function Works({ all, isAlone }: { all: readonly Diagnosis[]; isAlone: boolean }) {
  return (
    <article class="verdict is-works">
      <h3><State state="works" word={isAlone ? 'Works as far as the rules show' : 'The others work as far as the rules show'} /></h3>
      <details>
        <summary>{count(all.length, 'way')} to reach it</summary>
        <ul class="reached">{all.map((diagnosis) => <li key={diagnosis.subject + diagnosis.client}><span class="address">{whereOf(diagnosis)}</span> {diagnosis.client}: {diagnosis.verdict.replace(/^works as far as the rules show: /, '')}</li>)}</ul>
      </details>
    </article>
  );
}

function Trouble({ group, service }: { group: Group; service: string }) {
  const { first, all, state } = group;
  const isLimited = state === 'limited';
  // "unknown: chain X is not in the input" is a verdict with its reason.
  const [verdict = '', reason] = first.verdict.split(/^(unknown): /).filter((part) => part !== '');
  const cause = first.cause ?? reason ?? null;
  return (
    <article class={`verdict is-${state}`}>
      <h3><State state={state} word={isLimited ? `${capital(verdict)} on purpose` : capital(verdict)} />{first.code !== null && <code class="code">{first.code}</code>}</h3>
      {cause !== null && <p class="cause">{capital(cause)}{first.when != null && <span class="when">, {first.when}</span>}.</p>}
      <dl>
        <div><dt>For whom</dt><dd><Whom all={all} service={service} /></dd></div>
        {first.rule != null && <div><dt>Decided by</dt><dd><span class="address">{first.rule}</span>{first.writer != null && <>, {first.writer === 'unknown' ? 'writer unknown' : `probably of ${first.writer}`}</>}
          {first.source != null && <span class="place" title={first.source}> {shortPath(first.source)}</span>}</dd></div>}
        {first.mend !== null && <div class="mend"><dt>What mends it</dt><dd>{capital(first.mend)}.</dd></div>}
      </dl>
    </article>
  );
}

function whereOf(diagnosis: Diagnosis): string {
  return diagnosis.subject.split(' at ').at(-1) ?? diagnosis.subject;
}

function Whom({ all, service }: { all: readonly Diagnosis[]; service: string }) {
  const byClient = new Map<string, string[]>();
  for (const diagnosis of all)
    byClient.set(diagnosis.client, [...(byClient.get(diagnosis.client) ?? []), whereOf(diagnosis)]);
  return (
    <ul class="whom">{[...byClient].map(([client, wheres]) => (
      <li key={client}>{client} at {wheres.map((where, at) => (
        <span key={where}>{at > 0 && ', '}<a class="address" href={href('packet', { src: sourceOf(client), dst: destinationOf(where, service), ...portOf(where) })} title="Follow such a packet">{where}</a></span>
      ))}</li>
    ))}</ul>
  );
}

function sourceOf(client: string): string {
  return client.includes('outside') ? 'outside' : client.includes('pod') ? 'pod' : 'node';
}

// A node port is reached by its number; where nothing shows an address, the service's name says which.
function destinationOf(where: string, service: string): string {
  const port = /^\*:(\d+)$/.exec(where)?.[1];
  return port ?? (where.includes(':') ? where.replace(/^\[?(.*?)\]?:\d+$/, '$1') : service);
}

function portOf(where: string): { dport?: string } {
  const port = /^(?!\*).*:(\d+)$/.exec(where)?.[1];
  return port === undefined ? {} : { dport: port };
}
