// Which boxes and arrows of a service's picture concern a client, and what they mean to the eye.
import type { GraphAnswer, GraphEdge, GraphNode, Outcome, Place, WalkStep } from '../types';

export type Tone = 'plain' | 'bad' | 'masquerade' | 'unknown' | 'good';

export interface Box extends GraphNode {
  tone: Tone;
  isLit: boolean;
}

export interface Arrow extends GraphEdge {
  index: number;
  tone: Tone;
  isDashed: boolean;
  isLit: boolean;
}

export interface Model {
  title: string;
  boxes: Box[];
  arrows: Arrow[];
}

const tones: Record<string, Tone> = { deadend: 'bad', missing: 'unknown', unknown: 'unknown', endpoint: 'good', mark: 'masquerade' };
const placeWords: Record<Place, string> = { pod: 'a pod', node: 'this node', outside: 'outside the cluster' };

/** The picture for clients of one place; the whole one for null, and where the answer does not tell clients apart. */
export function model(answer: GraphAnswer, place: Place | null): Model {
  const clients = answer.clients;
  const wanted = place === null || clients === undefined ? null : new Set(clients.filter((client) => client.place === place).map((client) => client.id));
  const edges = answer.edges.filter((edge) => wanted === null || edge.clients === undefined || edge.clients.some((id) => wanted.has(id)));
  const used = new Set(edges.flatMap((edge) => [edge.from, edge.to]));
  const nodes = answer.nodes.filter((node) => used.has(node.id) || (edges.length === 0 && node.kind !== 'client'));
  const isOnlyClient = nodes.filter((node) => node.kind === 'client').length === 1;
  const bad = new Set(nodes.filter((node) => node.kind === 'deadend').map((node) => node.id));
  return {
    title: answer.title,
    boxes: nodes.map((node) => ({
      ...node,
      // "pods, this node" names others than the chosen one.
      label: node.kind === 'client' && place !== null && isOnlyClient ? placeWords[place] : node.label,
      tone: tones[node.kind] ?? 'plain',
      isLit: false,
    })),
    arrows: edges.map((edge, index) => ({ ...edge, index, tone: toneOf(edge, bad), isDashed: edge.when !== undefined || edge.masquerade === 'unknown', isLit: false })),
  };
}

function toneOf(edge: GraphEdge, bad: ReadonlySet<string>): Tone {
  if (bad.has(edge.to))
    return 'bad';
  if (edge.masquerade !== undefined)
    return 'masquerade';
  return edge.when === undefined ? 'plain' : 'unknown';
}

/** The model with every box lit that `isLit` says, and the arrows between lit ones. */
export function light(of: Model, isLit: (box: Box) => boolean): Model {
  const boxes = of.boxes.map((box) => ({ ...box, isLit: isLit(box) }));
  const lit = new Set(boxes.filter((box) => box.isLit).map((box) => box.id));
  return { ...of, boxes, arrows: of.arrows.map((arrow) => ({ ...arrow, isLit: lit.has(arrow.from) && lit.has(arrow.to) })) };
}

/** Ids of the boxes on some path of arrows from the frontend with this address to the box `end`; empty when there is none. */
export function between(of: Model, frontend: string, isEnd: (box: Box) => boolean): Set<string> {
  const boxes = new Map(of.boxes.map((box) => [box.id, box]));
  const from = of.boxes.filter((box) => box.kind === 'frontend' && (box.addresses ?? []).includes(frontend));
  const found = new Set<string>();
  const visit = (id: string, before: readonly string[]): void => {
    if (before.includes(id))
      return;
    const path = [...before, id];
    if (isEnd(boxes.get(id)!))
      path.forEach((step) => found.add(step));
    for (const arrow of of.arrows)
      if (arrow.from === id)
        visit(arrow.to, path);
  };
  from.forEach((box) => visit(box.id, []));
  if (found.size > 0)
    for (const arrow of of.arrows)
      if (from.some((box) => box.id === arrow.to && found.has(box.id)) && boxes.get(arrow.from)?.kind === 'client')
        found.add(arrow.from);
  return found;
}

/** The picture in words, one line for each arrow. */
export function sentences(of: Model): string[] {
  const names = new Map(of.boxes.map((box) => [box.id, box.label.replace(/\n/g, ' ')]));
  return of.arrows.map((arrow) => {
    const extra = [arrow.label, arrow.masquerade === 'yes' && !arrow.label.includes('masq') ? 'masqueraded' : ''].filter((word) => word !== '').join(', ');
    return `${names.get(arrow.from)} → ${names.get(arrow.to)}${extra === '' ? '' : ` (${extra})`}`;
  });
}

/** In the picture of chains: the boxes that the steps up to `at` (null: all of them) go through, and the end with the last. */
export function stepBoxes(of: Model, path: readonly WalkStep[], at: number | null, outcome: Outcome): Set<string> {
  const seen = path.slice(0, at === null ? path.length : at + 1);
  const lit = new Set<string>();
  for (const step of seen)
    for (const box of of.boxes) {
      const [title, ...rest] = box.label.split('\n');
      if (['chain', 'mark', 'deadend', 'missing'].includes(box.kind) && title === step.chain)
        lit.add(box.id);
      else if (box.kind === 'hook' && title?.toLowerCase() === step.hook && rest.includes(step.table))
        lit.add(box.id);
    }
  // Chains of one name in several tables: only those that lit boxes lead to.
  const reached = new Set([...lit].filter((id) => of.boxes.find((box) => box.id === id)?.kind === 'hook' || of.arrows.some((arrow) => arrow.to === id && lit.has(arrow.from))));
  const shown = reached.size > 0 ? reached : lit;
  if (at === null || at === path.length - 1)
    for (const box of of.boxes)
      if (isEnd(box, outcome) && of.arrows.some((arrow) => arrow.to === box.id && shown.has(arrow.from)))
        shown.add(box.id);
  return shown;
}

/** In the picture of decisions: everything between the frontend that the packet was sent to and its end. */
export function pathBoxes(of: Model, asked: Readonly<Record<string, string>>, path: readonly WalkStep[], outcome: Outcome): Set<string> {
  const text = path.map((step) => step.text).join(' ');
  const addresses = of.boxes.flatMap((box) => (box.kind === 'frontend' ? box.addresses ?? [] : []));
  const { dst = '', dport } = asked;
  const given = addresses.find((known) => known === (dport === undefined ? `*:${dst}` : dst.includes(':') ? `[${dst}]:${dport}` : `${dst}:${dport}`));
  // A packet to a service's name goes to its cluster IP, the first; else the rules it met name the address.
  const sent = given ?? addresses.find((known) => text.includes(known.replace(/:\d+$/, ''))) ?? addresses[0];
  return sent === undefined ? new Set() : between(of, sent, (box) => isEnd(box, outcome));
}

function isEnd(box: Box, outcome: Outcome): boolean {
  if (outcome.verdict === 'drop' || outcome.verdict === 'reject')
    return box.kind === 'deadend';
  if (outcome.verdict === 'unknown')
    return box.kind === 'missing' || box.kind === 'unknown';
  return box.kind === 'endpoint' && box.label.split('\n').includes(outcome.destination);
}
