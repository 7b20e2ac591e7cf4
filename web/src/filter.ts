// Search over the services: every word must be somewhere in what a person sees of the row.
import type { HomeRow, Verdict } from './types';

export interface Indexed {
  row: HomeRow;
  text: string;
}

export function index(rows: readonly HomeRow[]): Indexed[] {
  return rows.map((row) => ({ row, text: searched(row) }));
}

function searched(row: HomeRow): string {
  return [
    row.name, row.service ?? '', row.port ?? '', row.protocol, row.family, row.writer ?? '', row.verdict ?? '', row.code ?? '', row.cause ?? '',
    row.where ?? '', row.when ?? '', row.shares, ...row.policies, ...row.who, ...row.frontends.map((frontend) => `${frontend.kind} ${frontend.text}`),
  ].join(' ').toLowerCase();
}

export function filter(rows: readonly Indexed[], query: string, state: Verdict | null): HomeRow[] {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== '');
  const found: HomeRow[] = [];
  for (const { row, text } of rows)
    if ((state === null || row.state === state) && words.every((word) => text.includes(word)))
      found.push(row);
  return found;
}

export function countStates(rows: readonly HomeRow[]): Record<Verdict, number> {
  const counts: Record<Verdict, number> = { fails: 0, unknown: 0, limited: 0, works: 0, pending: 0 };
  for (const row of rows)
    counts[row.state]++;
  return counts;
}
