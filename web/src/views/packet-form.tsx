// The form of a packet. It asks when it is sent, and then the address of the page has the question.
import { useEffect, useRef, useState } from 'preact/hooks';
import { flags, main, more, type Field } from '../packet-form';
import { go, route } from '../router';
import { home } from '../store';

interface Props {
  /** The field that an unknown outcome asks for: it is shown and focused. */
  wanted: string | null;
  onWanted: () => void;
}

const mostSuggested = 300;

export function PacketForm({ wanted, onWanted }: Props) {
  const { params } = route.value;
  const [values, setValues] = useState<Record<string, string>>(params);
  const [isMore, setMore] = useState(() => [...more, ...flags].some((field) => params[field.name] !== undefined));
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => setValues(params), [JSON.stringify(params)]);
  useEffect(() => {
    if (wanted === null)
      return;
    setMore(true);
    requestAnimationFrame(() => {
      form.current?.querySelector<HTMLElement>(`[name="${CSS.escape(wanted)}"]`)?.focus();
      onWanted();
    });
  }, [wanted]);
  const set = (name: string, value: string) => setValues((old) => ({ ...old, [name]: value }));
  const input = (field: Field, list?: string) => (
    <label key={field.name} class={`field field-${field.name}`}><span>{field.label}</span>
      {field.choices === undefined
        ? <input name={field.name} value={values[field.name] ?? ''} placeholder={field.hint} autocomplete="off" spellcheck={false} autocapitalize="off" list={list}
          onInput={(event) => set(field.name, event.currentTarget.value)} />
        : <select name={field.name} value={values[field.name] ?? ''} onChange={(event) => set(field.name, event.currentTarget.value)}>
          {field.choices.map((choice) => <option key={choice} value={choice}>{choice === '' ? (field.name === 'proto' ? 'the service’s' : 'new') : choice}</option>)}
        </select>}
    </label>
  );
  const send = (event: Event) => {
    event.preventDefault();
    const asked = Object.fromEntries([...main, ...more, ...flags].map((field) => [field.name, values[field.name]?.trim()]));
    go('packet', asked);
  };
  return (
    <form class="packet-form" ref={form} onSubmit={send}>
      <datalist id="clients"><option value="pod" /><option value="outside" /><option value="node" /></datalist>
      <datalist id="services">{(home.value?.rows ?? []).slice(0, mostSuggested).map((row) => <option key={row.name + row.family} value={row.name} />)}</datalist>
      <div class="fields">
        {main.map((field) => input(field, field.name === 'src' ? 'clients' : field.name === 'dst' ? 'services' : undefined))}
        <button type="submit" class="primary" disabled={(values['src'] ?? '').trim() === '' || (values['dst'] ?? '').trim() === ''}>Follow it</button>
      </div>
      <details open={isMore} onToggle={(event) => setMore(event.currentTarget.open)}>
        <summary>More about the packet</summary>
        <div class="fields more-fields">
          {more.map((field) => input(field))}
        </div>
        <div class="fields">
          {flags.map((flag) => <label key={flag.name} class="check"><input type="checkbox" name={flag.name} checked={values[flag.name] === 'true'}
            onChange={(event) => set(flag.name, event.currentTarget.checked ? 'true' : '')} /> {flag.label}</label>)}
        </div>
      </details>
    </form>
  );
}
