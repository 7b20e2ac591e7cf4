// New connections per second of each service, as the page has seen them: the server keeps no history.

const kept = 60;

export class RateHistory {
  private readonly _series = new Map<string, number[]>();
  private _at = Number.NEGATIVE_INFINITY;

  /** Takes one message; services that are not in it had none. A clock that steps back is a restarted server's. */
  add(at: number, now: Readonly<Record<string, number>>): void {
    if (at < this._at)
      this._series.clear();
    this._at = at;
    for (const [name, series] of this._series) {
      push(series, now[name] ?? 0);
      // One that has been silent for as long as is drawn need not be remembered.
      if (series.every((value) => value === 0))
        this._series.delete(name);
    }
    for (const [name, value] of Object.entries(now))
      if (!this._series.has(name) && value > 0)
        this._series.set(name, [0, value]);
  }

  /** The last minute, oldest first; empty for a service without connections in it. */
  of(name: string): readonly number[] {
    return this._series.get(name) ?? [];
  }

  last(name: string): number | null {
    return this._series.get(name)?.at(-1) ?? null;
  }

  get isEmpty(): boolean {
    return this._at === Number.NEGATIVE_INFINITY;
  }
}

function push(series: number[], value: number): void {
  series.push(value);
  if (series.length > kept)
    series.shift();
}

/** The points of a line `width` by `height`, oldest at the left. */
export function sparkline(values: readonly number[], width: number, height: number): string {
  const most = Math.max(...values, Number.MIN_VALUE);
  const step = width / (kept - 1);
  const left = width - step * (values.length - 1);
  return values.map((value, index) => `${(left + index * step).toFixed(1)},${(height - (value / most) * height).toFixed(1)}`).join(' ');
}
