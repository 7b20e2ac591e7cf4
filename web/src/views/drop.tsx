// A file or a paste is given to the console, which reads it in memory and gets all the screens.
import { useState } from 'preact/hooks';
import { dropState, readFile } from '../drop';
import { Command, Failure, Notes } from '../parts/basics';
import { Icon } from '../parts/icons';
import { format } from '../router';
import { dropped } from '../store';

export function DropView() {
  const [text, setText] = useState('');
  const { error, isReading, messages } = dropState.value;
  const choose = (event: Event) => {
    const file = (event.currentTarget as HTMLInputElement).files?.[0];
    if (file !== undefined)
      void readFile(file, file.name);
  };
  return (
    <>
      <h1>Read a file</h1>
      <p class="lead">Somebody else’s dump, a listing, a ticket with rules in it: the console reads it and shows everything about it. It is kept in memory only, for as long as the console runs, at most 64 MiB, and is never stored or sent on.</p>
      {error !== null && <Failure error={error}><p>What is read: <code>iptables-save</code>, <code>iptables -nL</code>, <code>nft list ruleset</code> (text or JSON), <code>ipvsadm -Sn</code>, <code>ipset save</code>, or text with any of these in it.</p></Failure>}
      <div class="drop-area">
        <Icon name="drop" />
        <p>Drop a file here, or anywhere else on the page, on any screen</p>
        <label class="button file-button">Choose a file<input type="file" class="unseen" onChange={choose} disabled={isReading} /></label>
      </div>
      <form class="paste" onSubmit={(event) => { event.preventDefault(); void readFile(new Blob([text]), 'pasted text'); }}>
        <label for="paste">Or paste text</label>
        <textarea id="paste" rows={8} value={text} onInput={(event) => setText(event.currentTarget.value)} spellcheck={false}
          placeholder={'-A KUBE-SERVICES -d 172.30.10.1/32 -p tcp …\nPrompts, quotes and prose in between do not matter.'} />
        <button type="submit" class="primary" disabled={isReading || text.trim() === ''}>Read it</button>
      </form>
      <Notes notes={messages} label="What the reading said" />
      {dropped.value.length > 0 && (
        <section aria-labelledby="drop-before">
          <h2 id="drop-before">Read before</h2>
          <ul class="plain">{dropped.value.map((file) => <li key={file.id}><a href={format('services', { source: file.id })}>{file.name}</a></li>)}
            <li><a href={format('services', {})}>the console’s own input</a></li></ul>
        </section>
      )}
      <section aria-labelledby="drop-how">
        <h2 id="drop-how">How to take a dump on a node</h2>
        <Command text="sudo iptables-save -c > iptables-save.txt" />
        <Command text="sudo nft list ruleset > nft.txt" />
      </section>
    </>
  );
}
