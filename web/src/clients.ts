// The three places that clients of a service are in, as the command line names them.
import type { Diagnosis, Place, Verdict } from './types';

export const places: readonly Place[] = ['pod', 'outside', 'node'];

export const placeLabel: Record<Place, string> = { pod: 'From a pod', outside: 'From outside', node: 'From this node' };

const worst: readonly Verdict[] = ['fails', 'unknown', 'limited', 'pending', 'works'];

export function isPlace(text: string | undefined): text is Place {
  return places.some((place) => place === text);
}

/** Where the client of a diagnosis is; null when its words name none of the three. */
export function placeOf(client: string): Place | null {
  if (client.startsWith('from a pod'))
    return 'pod';
  if (client.startsWith('from outside'))
    return 'outside';
  return client.startsWith('from this node') ? 'node' : null;
}

/** The diagnoses that concern clients of one place. */
export function concerning(all: readonly Diagnosis[], place: Place): Diagnosis[] {
  return all.filter((diagnosis) => (placeOf(diagnosis.client) ?? place) === place);
}

export function worstOf(diagnoses: readonly Diagnosis[]): Verdict {
  return worst.find((state) => diagnoses.some((diagnosis) => diagnosis.state === state)) ?? 'pending';
}

/** Where the service was tried: "shop/web:http at 172.30.10.1:80" → "172.30.10.1:80". */
export function frontendOf(subject: string): string | null {
  const at = subject.lastIndexOf(' at ');
  return at < 0 ? null : subject.slice(at + 4);
}
