// Rules as the kernel has them.
import { count, shortPath } from '../text';
import type { RuleAnswer } from '../types';

export function Place({ source }: { source: string | null | undefined }) {
  return source === null || source === undefined ? null : <span class="place" title={source}>{shortPath(source)}</span>;
}

/** Rules in their chains, each chain with what it is for. */
export function RuleList({ rules }: { rules: readonly RuleAnswer[] }) {
  const chains = new Map<string, RuleAnswer[]>();
  for (const rule of rules) {
    const key = `${rule.family} ${rule.table} ${rule.chain}`;
    chains.set(key, [...(chains.get(key) ?? []), rule]);
  }
  return (
    <div class="rules">
      {[...chains].map(([key, inChain]) => (
        <section key={key} class="chain">
          <h4><span class="chain-table">{inChain[0]!.table}</span> <span class="address">{inChain[0]!.chain}</span></h4>
          {inChain[0]!.purpose !== null && <p class="chain-purpose">{inChain[0]!.purpose}</p>}
          <ol>
            {inChain.map((rule, at) => (
              <li key={at} value={rule.rule ?? undefined}>
                <p class="rule-meaning">{rule.meaning}
                  {rule.packets !== null && rule.packets > 0 && <span class="rule-count"> {count(rule.packets, 'packet')}</span>}</p>
                <code class="rule-text">{rule.text}</code> <Place source={rule.source} />
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}
