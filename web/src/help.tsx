// Keys, and the words of the field for those who do not know them.
import { useEffect, useRef } from 'preact/hooks';
import { helpWord, state } from './store';

const keys: readonly [string, string][] = [
  ['/', 'search the services'],
  ['↑ ↓', 'move in the list; from the search, ↓ goes into it'],
  ['Enter', 'open the service'],
  ['Esc', 'clear the search, go back to the list'],
  ['← →', 'change between tabs, or between steps of a walk'],
  ['+ − 0', 'in a picture: closer, further, all of it'],
  ['?', 'this help'],
];

const words: readonly [string, string][] = [
  ['frontend', 'An address and port where clients reach a service: its cluster IP, a node port on every node, an external IP, or a load balancer’s address.'],
  ['endpoint', 'One pod (or other machine) that serves: the address and port that a connection is sent on to. “2/3” means: two in the rules, three in the cluster.'],
  ['share', 'The part of new connections that an endpoint gets. With n endpoints, 1/n each is what one expects.'],
  ['masquerade', 'The source of a packet becomes an address of this node, so that replies come back through it. The endpoint then does not see the client’s address.'],
  ['policy', 'What the service’s own settings demand: externalTrafficPolicy Local (outside clients get endpoints of this node only), session affinity, allowed source ranges.'],
  ['chain', 'A list of rules that the kernel checks from the top. A rule that matches may send the packet to another chain, change it, accept it, drop it or reject it.'],
  ['hook', 'A point of a packet’s passage through the kernel where chains are attached: prerouting (arriving), input (for this machine), forward (passing), output (sent from here), postrouting (leaving).'],
  ['reject', 'The packet is refused and the sender is told at once (connection refused, unreachable).'],
  ['drop', 'The packet vanishes and the sender is not told: it waits until it gives up.'],
  ['limited', 'The service answers those whom its own configuration admits. Others are turned away on purpose: nothing is broken.'],
  ['unknown', 'The input does not show enough to say. The console never guesses: it tells what would settle it.'],
  ['rules before', 'How many rules a new packet is checked against, one after the other, before those of its service.'],
  ['mark', 'A number the kernel keeps with a packet while it passes through, e.g. 0x4000 for “masquerade this later”.'],
  ['hairpin', 'A pod that reaches itself through its own service. It needs masquerading, or it would see its own address as the client.'],
  ['writer', 'The program that probably wrote a rule: kube-proxy, Portolan, Docker, a firewall …'],
];

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const word = helpWord.value;
  useEffect(() => {
    const box = dialog.current!;
    if (word === null) {
      box.close();
      return;
    }
    if (!box.open)
      box.showModal();
    box.querySelector(`[data-word="${CSS.escape(word)}"]`)?.scrollIntoView({ block: 'center' });
  }, [word]);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={() => { helpWord.value = null; }}
      onClick={(event) => { if (event.target === dialog.current) helpWord.value = null; }}>
      <div class="help-body">
        <div class="help-head">
          <h2 id="help-title">Keys and words</h2>
          <button type="button" onClick={() => { helpWord.value = null; }}>Close</button>
        </div>
        <h3>Keys</h3>
        <dl class="keys">{keys.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
        <h3>Words</h3>
        <dl class="words">{words.map(([name, meaning]) => (
          <div key={name} data-word={name} class={name === word ? 'is-asked' : ''}><dt>{name}</dt><dd>{meaning}</dd></div>
        ))}</dl>
        <p class="quietly">Portolan {state.value?.version ?? ''}. The page shows what the rules will do; it changes nothing, and nothing of it leaves this server.</p>
      </div>
    </dialog>
  );
}
