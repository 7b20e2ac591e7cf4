// Small parts that every screen uses.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../api';
import { announcement, helpWord } from '../store';
import { Icon } from './icons';

export function Command({ text }: { text: string | null | undefined }) {
  const [isCopied, setCopied] = useState(false);
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!isCopied)
      return undefined;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  if (text === null || text === undefined || text === '')
    return null;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      announcement.value = 'Command copied.';
    } catch {
      // Browsers give the clipboard to secure pages only: the text is selected for the person's own Ctrl-C.
      getSelection()?.selectAllChildren(box.current!);
      announcement.value = 'The command is selected: copy it with Ctrl-C.';
    }
  };
  return (
    <div class="command">
      <span class="command-name" aria-hidden="true">$</span>
      <code ref={box} tabIndex={0} role="group" aria-label="The command that gives the same" title={text}>{text}</code>
      <button type="button" class="quiet" onClick={copy} title="Copy the command" aria-label="Copy the command">
        <Icon name={isCopied ? 'done' : 'copy'} /><span class="command-copy" aria-hidden="true">{isCopied ? 'copied' : 'copy'}</span>
      </button>
    </div>
  );
}

/** Why there is nothing to see, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="empty"><p class="empty-title">{title}</p>{children !== undefined && <div class="empty-why">{children}</div>}</div>;
}

export function Loading({ isSlow, what }: { isSlow: boolean; what: string }) {
  return <p class="loading" role="status">{isSlow ? <><span class="loading-bar" aria-hidden="true" />{what} …</> : ''}</p>;
}

export function Failure({ error, children }: { error: ApiError | string; children?: ComponentChildren }) {
  return <div class="failure" role="alert"><p>{typeof error === 'string' ? error : error.message}</p>{children}</div>;
}

export function Notes({ notes, label = 'What limits this answer' }: { notes: readonly string[] | undefined; label?: string }) {
  if (notes === undefined || notes.length === 0)
    return null;
  return (
    <div class="notes" role="note" aria-label={label}>
      {notes.length === 1 ? <p>{notes[0]}</p> : <ul>{notes.map((note) => <li key={note}>{note}</li>)}</ul>}
    </div>
  );
}

/** A word of the field, explained by a click. */
export function Term({ word, children }: { word: string; children?: ComponentChildren }) {
  return <button type="button" class="term" onClick={() => { helpWord.value = word; }} title={`What does “${word}” mean?`}>{children ?? word}</button>;
}

export interface Tab<T extends string> {
  id: T;
  label: ComponentChildren;
}

interface TabsProps<T extends string> {
  label: string;
  tabs: readonly Tab<T>[];
  chosen: T;
  onChoose: (id: T) => void;
  children: ComponentChildren;
  class?: string;
}

export function Tabs<T extends string>({ label, tabs, chosen, onChoose, children, class: name = '' }: TabsProps<T>) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0)
      return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const next = (at + step + tabs.length) % tabs.length;
    onChoose(tabs[next]!.id);
    (list.current!.children[next] as HTMLElement).focus();
  };
  return (
    <div class={`tabs ${name}`}>
      <div class="tab-list" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map((tab) => (
          <button key={tab.id} type="button" role="tab" id={`${id}-${tab.id}`} aria-selected={tab.id === chosen} aria-controls={`${id}-panel`}
            tabIndex={tab.id === chosen ? 0 : -1} onClick={() => onChoose(tab.id)}>{tab.label}</button>
        ))}
      </div>
      <div class="tab-panel" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${chosen}`}>{children}</div>
    </div>
  );
}

interface ChipsProps<T extends string> {
  label: string;
  choices: readonly { id: T; label: ComponentChildren; count?: number }[];
  chosen: T;
  onChoose: (id: T) => void;
}

export function Chips<T extends string>({ label, choices, chosen, onChoose }: ChipsProps<T>) {
  return (
    <div class="chips" role="group" aria-label={label}>
      {choices.map((choice) => (
        <button key={choice.id} type="button" class="chip" aria-pressed={choice.id === chosen} onClick={() => onChoose(choice.id)}>
          {choice.label}{choice.count !== undefined && <span class="chip-count">{choice.count.toLocaleString('en')}</span>}
        </button>
      ))}
    </div>
  );
}

/** A box that scrolls sideways by itself, so that the page need not; the keyboard reaches it. */
export function Scroll({ label, children, class: name = '' }: { label: string; children: ComponentChildren; class?: string }) {
  return <div class={`scroll ${name}`} role="region" aria-label={label} tabIndex={0}>{children}</div>;
}
