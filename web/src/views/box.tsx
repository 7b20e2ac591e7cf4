// What is known of a chosen box of a picture.
import type { Box, Model } from '../graph/model';
import { Icon } from '../parts/icons';
import { RuleList } from '../parts/rules';
import { share } from '../text';
import type { RuleAnswer } from '../types';

const kinds: Record<string, string> = {
  client: 'Who sends',
  frontend: 'Where the service is reached',
  decision: 'A decision',
  foreign: 'A rule of somebody else, which comes first',
  endpoint: 'An endpoint of the service',
  elsewhere: 'No endpoint of the service',
  untranslated: 'The destination stays as it is',
  deadend: 'Packets end here',
  missing: 'Not in the input',
  unknown: 'Unknown',
  hook: 'A point of the packet’s passage through the kernel',
  chain: 'A chain of rules',
  mark: 'A mark on the packet',
};

export function BoxDetail({ box, model, rules, onClose }: { box: Box; model: Model; rules: readonly RuleAnswer[]; onClose: () => void }) {
  const names = new Map(model.boxes.map((one) => [one.id, one.label.replace(/\n/g, ' ')]));
  const into = model.arrows.filter((arrow) => arrow.to === box.id);
  const out = model.arrows.filter((arrow) => arrow.from === box.id);
  const chain = box.label.split('\n')[0]!;
  const own = box.kind === 'chain' || box.kind === 'mark' ? rules.filter((rule) => rule.chain === chain) : [];
  const arrow = (label: string, amount: number | undefined, when: string[] | undefined) =>
    [label, amount !== undefined && label === '' ? share(amount) : '', when !== undefined ? `if ${when.join(', or ')}` : ''].filter((word) => word !== '').join('; ');
  return (
    <section class={`box-detail tone-${box.tone}`} aria-label="The chosen box" aria-live="polite">
      <div class="section-head">
        <h3><span class="quietly">{kinds[box.kind] ?? box.kind}</span> <span class="address">{box.label.replace(/\n/g, ' ')}</span></h3>
        <button type="button" class="quiet" onClick={onClose} aria-label="Close"><Icon name="close" /></button>
      </div>
      <dl>
        {box.rule !== undefined && <div><dt>Decided by</dt><dd><code>{box.rule}</code></dd></div>}
        {box.owner !== undefined && <div><dt>Probably written by</dt><dd>{box.owner}</dd></div>}
        {into.length > 0 && <div><dt>Comes from</dt><dd><ul>{into.map((one) => <li key={one.index}>{names.get(one.from)}{arrow(one.label, one.share, one.when) !== '' && <span class="quietly"> ({arrow(one.label, one.share, one.when)})</span>}</li>)}</ul></dd></div>}
        {out.length > 0 && <div><dt>Goes to</dt><dd><ul>{out.map((one) => <li key={one.index}>{names.get(one.to)}{arrow(one.label, one.share, one.when) !== '' && <span class="quietly"> ({arrow(one.label, one.share, one.when)})</span>}</li>)}</ul></dd></div>}
      </dl>
      {own.length > 0 && <RuleList rules={own} />}
    </section>
  );
}
