// What `check` finds: the worst first, each with the rule, the place and what to do.
import { useState } from 'preact/hooks';
import { address, useApi } from '../api';
import { Chips, Command, Empty, Failure, Loading, Notes } from '../parts/basics';
import { Icon, State } from '../parts/icons';
import { href, replace, route } from '../router';
import { home } from '../store';
import { count, shortPath } from '../text';
import type { Asked, CheckAnswer, Finding, Verdict } from '../types';

type Severity = Finding['severity'];
const severities: readonly Severity[] = ['error', 'warning', 'note'];
const shapes: Record<Severity, Verdict> = { error: 'fails', warning: 'unknown', note: 'limited' };
const mostShown = 500;

export function FindingsView() {
  const { params } = route.value;
  const [typed, setTyped] = useState(params['q'] ?? '');
  const chosen = severities.find((known) => known === params['severity']) ?? null;
  const { data, error, isSlow } = useApi<Asked<CheckAnswer>>(address('ask/check'));
  const all = data?.answer?.findings ?? [];
  const words = typed.toLowerCase().split(/\s+/).filter((word) => word !== '');
  const found = all
    .filter((finding) => (chosen === null || finding.severity === chosen) && words.every((word) => textOf(finding).includes(word)))
    .sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
  return (
    <>
      <h1>Findings</h1>
      <p class="lead">What is wrong or odd in these rules, whoever wrote them.</p>
      <div class="home-tools">
        <label class="search"><Icon name="search" /><span class="unseen">Search the findings</span>
          <input type="search" value={typed} placeholder="Service, chain or word" autocomplete="off" spellcheck={false}
            onInput={(event) => { setTyped(event.currentTarget.value); replace({ q: event.currentTarget.value }); }} />
        </label>
        <Chips label="How grave" chosen={chosen ?? 'all'} onChoose={(id) => replace({ severity: id === 'all' ? undefined : id })}
          choices={[{ id: 'all', label: 'all', count: all.length }, ...severities.map((severity) => ({
            id: severity, label: <State state={shapes[severity]} word={severity} />, count: all.filter((finding) => finding.severity === severity).length,
          }))]} />
      </div>
      {error !== null && <Failure error={error} />}
      {data === null && error === null && <Loading isSlow={isSlow} what="Checking the rules" />}
      {data !== null && data.answer === null && <Failure error={data.messages.join(' ') || 'The rules could not be checked.'} />}
      {data?.answer !== null && data !== null && all.length === 0 && <Empty title="Nothing was found."><p>The rules are consistent as far as the input shows.{data.answer!.limits.length > 0 && ' What was not checked is said below.'}</p></Empty>}
      {all.length > 0 && found.length === 0 && <Empty title="No finding matches."><p><button type="button" onClick={() => { setTyped(''); replace({ q: undefined, severity: undefined }); }}>Show all {all.length}</button></p></Empty>}
      <div class="findings" aria-live="polite">{found.slice(0, mostShown).map((finding, at) => <FindingCard key={at} of={finding} />)}</div>
      {found.length > mostShown && <p class="quietly">{count(found.length - mostShown, 'more finding')}: search for a service to see its own.</p>}
      {data?.answer !== null && data !== null && <><Notes notes={data.answer!.limits} label="What was not checked" /><Command text={data.command} /></>}
    </>
  );
}

function textOf(finding: Finding): string {
  return [finding.code, finding.subject, finding.explanation, finding.advice, finding.chain ?? '', finding.text ?? '', finding.owner ?? ''].join(' ').toLowerCase();
}

function FindingCard({ of }: { of: Finding }) {
  const isService = home.value?.rows.some((row) => row.name === of.subject) ?? false;
  return (
    <article class={`verdict is-${shapes[of.severity]}`}>
      <h2><State state={shapes[of.severity]} word={of.severity} />{isService ? <a class="name" href={href('service', { name: of.subject })}>{of.subject}</a> : <span class="name">{of.subject}</span>}<code class="code">{of.code}</code></h2>
      <p class="cause">{of.explanation}</p>
      <dl>
        {of.advice !== '' && <div class="mend"><dt>What to do</dt><dd>{of.advice}</dd></div>}
        {of.chain !== undefined && <div><dt>Where</dt><dd><span class="address">{of.table} {of.chain}{of.rule !== undefined && ` rule ${of.rule}`}</span>{of.owner !== undefined && <>, probably of {of.owner}</>}
          {of.source !== undefined && <span class="place" title={of.source}> {shortPath(of.source)}</span>}</dd></div>}
      </dl>
      {of.text !== undefined && <pre class="rule">{of.text}</pre>}
    </article>
  );
}
