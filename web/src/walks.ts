// Walks of packets: what ends they have in words, and how a real one compares with the simulated ones.
import { percent, share } from './text';
import type { Outcome, Verdict, WalkStep, WatchedStep } from './types';

const looks: Record<Outcome['verdict'], Verdict> = { forward: 'works', local: 'works', drop: 'fails', reject: 'fails', unknown: 'unknown' };

export function look(outcome: Outcome): Verdict {
  return looks[outcome.verdict] ?? 'unknown';
}

export function end(outcome: Outcome): string {
  const source = outcome.masquerade ? `, masqueraded${outcome.source === undefined ? '' : ` as ${outcome.source}`}` : outcome.source === undefined ? '' : `, from ${outcome.source}`;
  switch (outcome.verdict) {
    case 'forward':
      return `forwarded to ${outcome.destination}${source}`;
    case 'local':
      return `delivered on this node, to ${outcome.destination}${source}`;
    case 'drop':
      return `dropped on its way to ${outcome.destination}`;
    case 'reject':
      return `rejected on its way to ${outcome.destination}`;
    default:
      return `unknown, on its way to ${outcome.destination}`;
  }
}

/** One sentence for all outcomes together. */
export function summary(outcomes: readonly Outcome[]): { state: Verdict; text: string } {
  const part = (verdicts: readonly Outcome['verdict'][]) => outcomes.filter((outcome) => verdicts.includes(outcome.verdict)).reduce((sum, outcome) => sum + outcome.probability, 0);
  const arrives = part(['forward', 'local']);
  const stops = part(['drop', 'reject']);
  const unknown = part(['unknown']);
  const ends = outcomes.filter((outcome) => outcome.verdict === 'forward' || outcome.verdict === 'local');
  const first = outcomes[0];
  if (first === undefined)
    return { state: 'unknown', text: 'There is no answer.' };
  if (outcomes.length === 1)
    return { state: look(first), text: `The packet is ${end(first).replace(/^unknown, /, 'somewhere unknown, ')}.` };
  if (arrives > 0.9999)
    return { state: 'works', text: `The packet arrives at one of ${new Set(ends.map((outcome) => outcome.destination)).size} destinations.` };
  if (stops > 0.9999)
    return { state: 'fails', text: `The packet is ${[...new Set(outcomes.map((outcome) => (outcome.verdict === 'drop' ? 'dropped' : 'rejected')))].join(' or ')}.` };
  const parts = [
    arrives > 0.0001 && `arrives in ${percent(arrives)} of cases`,
    stops > 0.0001 && `is dropped or rejected in ${percent(stops)}`,
    unknown > 0.0001 && (unknown > 0.9999 ? 'goes where the input does not show' : `goes where the input does not show in ${percent(unknown)}`),
  ].filter((each) => each !== false);
  return { state: stops > 0.0001 ? 'fails' : 'unknown', text: `The packet ${parts.join(', ')}.` };
}

export function chance(probability: number): string {
  return probability > 0.99995 ? 'always' : share(probability);
}

/** Steps of an outcome; an unknown one without steps of its own shows its first candidate's. */
export function steps(outcome: Outcome): WalkStep[] {
  return outcome.path.length > 0 ? outcome.path : outcome.candidates?.map(steps).find((path) => path.length > 0) ?? [];
}

export interface Compared {
  where: string;
  text: string;
  /** Who went there: both, only the simulated packet, or only the real one. */
  by: 'both' | 'simulated' | 'real';
  service: string | null;
}

function whereOf(step: { table?: string; chain?: string; rule?: number | null }): string {
  return `${step.table ?? ''} ${step.chain ?? ''} ${step.rule === null || step.rule === undefined ? 'policy' : `rule ${step.rule}`}`;
}

/** Both walks side by side: the longest common row of rules, and between them what only one of them met. */
export function compare(simulated: readonly WalkStep[], real: readonly WatchedStep[]): Compared[] {
  const a = simulated.map((step) => ({ where: whereOf(step), text: step.text, service: step.service }));
  const b = real.filter((step) => step.kind === 'rule' && step.chain !== undefined)
    .map((step) => ({ where: whereOf(step), text: step.text ?? step.verdict, service: step.service ?? null }));
  const common: number[][] = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i]![j] = a[i]!.where === b[j]!.where ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
  const rows: Compared[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i]!.where === b[j]!.where) {
      rows.push({ ...a[i]!, by: 'both' });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      rows.push({ ...a[i]!, by: 'simulated' });
      i++;
    } else {
      rows.push({ ...b[j]!, by: 'real' });
      j++;
    }
  }
  return rows;
}

/** The simulated outcome that the real packet took: the one with its destination, else the one with most steps in common. */
export function matching(outcomes: readonly Outcome[], real: readonly WatchedStep[]): number {
  const destination = real.find((step) => step.kind === 'end')?.destination;
  const same = outcomes.findIndex((outcome) => outcome.destination === destination);
  if (same >= 0)
    return same;
  const shared = outcomes.map((outcome) => compare(steps(outcome), real).filter((row) => row.by === 'both').length);
  return Math.max(0, shared.indexOf(Math.max(...shared)));
}
