// An end that is not known: what it would be under each condition, and what would settle it.
import { href, replace } from '../router';
import type { Outcome } from '../types';
import { ending, optionOf } from '../walk';
import { formFields, openMore } from './packetform';

export function Unsettled({ outcome }: { outcome: Outcome }) {
  return (
    <div class="unsettled">
      {outcome.candidates !== undefined && outcome.candidates.length > 0 && (
        <>
          <h3>It would be</h3>
          <ul>{outcome.candidates.map((candidate, at) => <li key={at}>{ending(candidate)}{candidate.when !== undefined && <>, <b>if</b> {candidate.when.join(', or ')}</>}</li>)}</ul>
        </>
      )}
      {outcome.settledBy !== undefined && outcome.settledBy.length > 0 && (
        <>
          <h3>What would settle it</h3>
          <ul class="settle">{outcome.settledBy.map((hint) => <li key={hint}><Hint hint={hint} /></li>)}</ul>
        </>
      )}
    </div>
  );
}

function Hint({ hint }: { hint: string }) {
  const option = optionOf(hint);
  if (option === null || !formFields.includes(option.name))
    return <>{hint}{option === null && <> (<a href={href('drop')}>give the page a dump with it</a>)</>}</>;
  const add = () => {
    if (option.value !== null)
      replace({ [option.name]: option.value });
    else
      openMore(option.name);
  };
  return <><button type="button" onClick={add}>Add <code>--{option.name}{option.value === null ? '' : ` ${option.value}`}</code></button> <span class="quietly">{hint}</span></>;
}
