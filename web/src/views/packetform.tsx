// The form that describes a packet. Its fields are the options of `portolan trace`, and the page's address holds them.
import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Query } from '../api';
import { go, route } from '../router';
import { home } from '../store';

const more: readonly { name: string; label: string; hint: string; choices?: readonly string[] }[] = [
  { name: 'sport', label: 'Source port', hint: '40000' },
  { name: 'in', label: 'Arrives on', hint: 'eth0' },
  { name: 'out', label: 'Leaves by', hint: 'eth0' },
  { name: 'mark', label: 'Mark', hint: '0x4000' },
  { name: 'state', label: 'Connection', hint: 'new', choices: ['new', 'established', 'related', 'invalid', 'untracked'] },
  { name: 'tcp-flags', label: 'TCP flags', hint: 'syn' },
  { name: 'icmp-type', label: 'ICMP type', hint: 'echo-request' },
  { name: 'affinity', label: 'Remembered endpoint', hint: '10.244.1.10' },
  { name: 'uid', label: 'User id of the sender', hint: '0' },
  { name: 'gid', label: 'Group id of the sender', hint: '0' },
];

const plain = ['src', 'dst', 'dport', 'proto'];

/** Options that the form has a field for. */
export const formFields: readonly string[] = [...plain, ...more.map((field) => field.name)];

/** What the server is asked; null while there is no destination. */
export function questionOf(params: Readonly<Record<string, string>>): Query | null {
  if ((params['dst'] ?? '') === '')
    return null;
  const query: Record<string, string | boolean | undefined> = { src: params['src'] ?? 'pod', reply: params['reply'] === 'true' };
  for (const name of formFields)
    if (name !== 'src')
      query[name] = params[name];
  return query;
}

const wanted = signal<string | null>(null);

/** Opens the further fields and puts the cursor into one of them. */
export function openMore(field: string): void {
  wanted.value = field;
}

const mostSuggested = 30;

export function PacketForm() {
  const { params } = route.value;
  const form = useRef<HTMLFormElement>(null);
  const given = params['src'] ?? 'pod';
  const words = ['pod', 'outside', 'node'];
  const [kind, setKind] = useState(words.includes(given) ? given : 'address');
  const [dst, setDst] = useState(params['dst'] ?? '');
  const rows = home.value?.rows;
  const suggested = useMemo(() => (rows ?? []).filter((row) => row.name.toLowerCase().includes(dst.toLowerCase())).slice(0, mostSuggested), [rows, dst]);
  const field = wanted.value;
  const isMore = field !== null || more.some(({ name }) => params[name] !== undefined);
  useEffect(() => {
    setKind(words.includes(given) ? given : 'address');
    setDst(params['dst'] ?? '');
  }, [given, params['dst']]);
  useEffect(() => {
    if (field === null)
      return;
    form.current!.querySelector('details')!.open = true;
    (form.current!.elements.namedItem(field) as HTMLElement | null)?.focus();
    wanted.value = null;
  }, [field]);
  const submit = (event: Event) => {
    event.preventDefault();
    const data = new FormData(form.current!);
    const text = (name: string) => String(data.get(name) ?? '').trim();
    const next: Record<string, string | undefined> = { src: kind === 'address' ? text('src') : kind, reply: data.get('reply') === null ? undefined : 'true' };
    for (const name of formFields)
      if (name !== 'src')
        next[name] = text(name);
    go('packet', next);
  };
  return (
    <form class="packet-form" ref={form} onSubmit={submit} aria-label="The packet" key={JSON.stringify(params)}>
      <div class="fields">
        <label><span>From</span>
          <select name="kind" value={kind} onChange={(event) => setKind(event.currentTarget.value)}>
            <option value="pod">a pod</option><option value="outside">outside the cluster</option><option value="node">this node</option><option value="address">an address</option>
          </select>
        </label>
        {kind === 'address' && <label><span>Its address</span><input class="mono" name="src" required defaultValue={words.includes(given) ? '' : given} placeholder="10.244.1.7" autocomplete="off" spellcheck={false} /></label>}
        <label class="wide"><span>To</span>
          <input class="mono" name="dst" required list="services" value={dst} onInput={(event) => setDst(event.currentTarget.value)} placeholder="shop/web, or 172.30.10.1" autocomplete="off" spellcheck={false} />
          <datalist id="services">{suggested.map((row) => <option key={row.name} value={row.name} />)}</datalist>
        </label>
        <label class="small"><span>Port</span><input class="mono" name="dport" defaultValue={params['dport'] ?? ''} placeholder="its own" inputMode="numeric" autocomplete="off" /></label>
        <label class="small"><span>Protocol</span>
          <select name="proto" defaultValue={params['proto'] ?? ''}>
            <option value="">its own</option>{['tcp', 'udp', 'sctp', 'icmp'].map((protocol) => <option key={protocol} value={protocol} selected={params['proto'] === protocol}>{protocol}</option>)}
          </select>
        </label>
        <button type="submit" class="primary">Follow it</button>
      </div>
      <details open={isMore}>
        <summary>More about the packet</summary>
        <div class="fields">
          {more.map(({ name, label, hint, choices }) => (
            <label key={name} class="small"><span>{label}</span>
              {choices === undefined
                ? <input class="mono" name={name} defaultValue={params[name] ?? ''} placeholder={hint} autocomplete="off" spellcheck={false} />
                : <select name={name}><option value="">{hint}</option>{choices.slice(1).map((choice) => <option key={choice} value={choice} selected={params[name] === choice}>{choice}</option>)}</select>}
            </label>
          ))}
          <label class="check"><input type="checkbox" name="reply" defaultChecked={params['reply'] === 'true'} /><span>follow the reply, too</span></label>
        </div>
      </details>
    </form>
  );
}
