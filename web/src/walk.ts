// Walks of packets through the rules: simulated ones, real ones, and where the two part.
import type { Outcome, WalkStep, WatchedStep } from './types';

/** What a real packet passed, in the terms of a simulated one; the end is no step of it. */
export function passed(steps: readonly WatchedStep[]): WalkStep[] {
  return steps.filter((step) => step.kind !== 'end').map((step) => ({
    hook: step.hook ?? '', table: step.table ?? '', chain: step.chain ?? '', rule: step.kind === 'rule' ? step.rule ?? null : null, service: step.service ?? null, text: step.text ?? step.verdict,
  }));
}

export function keyOf(step: WalkStep): string {
  return `${step.hook.toLowerCase()} ${step.table} ${step.chain} ${step.rule ?? 'policy'}`;
}

export interface Compared {
  simulated: WalkStep | null;
  real: WalkStep | null;
}

/** The two walks side by side, equal steps on one line: a longest common subsequence, as for two texts. */
export function compare(simulated: readonly WalkStep[], real: readonly WalkStep[]): Compared[] {
  const rows = simulated.length;
  const columns = real.length;
  const lengths = Array.from({ length: rows + 1 }, () => new Array<number>(columns + 1).fill(0));
  for (let i = rows - 1; i >= 0; i--)
    for (let j = columns - 1; j >= 0; j--)
      lengths[i]![j] = keyOf(simulated[i]!) === keyOf(real[j]!) ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
  const lines: Compared[] = [];
  let i = 0;
  let j = 0;
  while (i < rows || j < columns) {
    if (i < rows && j < columns && keyOf(simulated[i]!) === keyOf(real[j]!))
      lines.push({ simulated: simulated[i++]!, real: real[j++]! });
    else if (j >= columns || (i < rows && lengths[i + 1]![j]! >= lengths[i]![j + 1]!))
      lines.push({ simulated: simulated[i++]!, real: null });
    else
      lines.push({ simulated: null, real: real[j++]! });
  }
  return lines;
}

const verdicts: Record<Outcome['verdict'], string> = {
  forward: 'is forwarded', local: 'is delivered on this node', drop: 'is dropped', reject: 'is rejected', unknown: 'unknown',
};

/** How a packet ends, in words. */
export function ending(outcome: Outcome): string {
  if (outcome.verdict === 'unknown')
    return `It is not known: ${(outcome.reason ?? 'the input does not show enough').replace(/^unknown: /, '')}`;
  const destination = outcome.verdict === 'drop' || outcome.verdict === 'reject' ? `, on its way to ${outcome.destination}` : ` to ${outcome.destination}`;
  const reason = outcome.reason === undefined ? '' : `: ${outcome.reason}`;
  const source = outcome.masquerade ? `, masqueraded${outcome.source === undefined ? '' : ` as ${outcome.source}`}` : '';
  return `It ${verdicts[outcome.verdict]}${destination}${source}${reason}`;
}

export function isServed(outcome: Outcome): boolean {
  return outcome.verdict === 'forward' || outcome.verdict === 'local';
}

/** The option of the form that a hint such as "--in IFACE, or …" names, and its value when the hint gives one. */
export function optionOf(hint: string): { name: string; value: string | null } | null {
  const found = /^--([a-z-]+)(?: ([^\s,]+))?/.exec(hint);
  if (found === null)
    return null;
  const value = found[2] === undefined || /^[A-Z]+$/.test(found[2]) ? null : found[2];
  return { name: found[1]!, value };
}
