// Where the boxes of a picture go: sizes from the text, places from dagre.
import { graphlib, layout as dagre } from '@dagrejs/dagre';
import { visible, wrap } from '../text';
import type { Arrow, Box, Model } from './model';

export interface Placed<T> {
  item: T;
  lines: string[];
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedArrow {
  item: Arrow;
  lines: string[];
  points: { x: number; y: number }[];
  label: { x: number; y: number; width: number; height: number } | null;
}

export interface Layout {
  width: number;
  height: number;
  boxes: Placed<Box>[];
  arrows: PlacedArrow[];
}

const line = 16;
// Text is measured by counting: the fonts are fixed by the style sheet, and a picture must not depend on when they are ready.
const characterWidth = { box: 7.3, label: 6.6 };
const longest = { box: 30, label: 26 };
const padding = { x: 12, y: 8 };

export function place(model: Model, direction: 'LR' | 'TB'): Layout {
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: direction, nodesep: direction === 'LR' ? 14 : 18, ranksep: direction === 'LR' ? 44 : 34, edgesep: 10, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const box of model.boxes)
    graph.setNode(box.id, size(wrap(visible(box.label), longest.box), characterWidth.box, padding));
  for (const arrow of model.arrows) {
    const lines = wrap(visible(arrow.label), longest.label);
    const { width, height } = arrow.label === '' ? { width: 0, height: 0 } : size(lines, characterWidth.label, { x: 4, y: 1 });
    graph.setEdge(arrow.from, arrow.to, { width, height, labelpos: 'c' }, String(arrow.index));
  }
  dagre(graph);
  const boxes = model.boxes.map((box) => {
    const { x, y, width, height } = graph.node(box.id) as { x: number; y: number; width: number; height: number };
    return { item: box, lines: wrap(visible(box.label), longest.box), x, y, width, height };
  });
  const arrows = model.arrows.map((arrow) => {
    const edge = graph.edge(arrow.from, arrow.to, String(arrow.index)) as { points: { x: number; y: number }[]; x?: number; y?: number; width: number; height: number };
    const label = arrow.label === '' || edge.x === undefined || edge.y === undefined ? null : { x: edge.x, y: edge.y, width: edge.width, height: edge.height };
    return { item: arrow, lines: wrap(visible(arrow.label), longest.label), points: edge.points, label };
  });
  const { width, height } = graph.graph() as { width?: number; height?: number };
  return { width: Math.max(1, finite(width)), height: Math.max(1, finite(height)), boxes, arrows };
}

function finite(value: number | undefined): number {
  return value === undefined || !Number.isFinite(value) ? 0 : value;
}

function size(lines: readonly string[], character: number, around: { x: number; y: number }): { width: number; height: number } {
  const width = Math.max(...lines.map((text) => text.length)) * character + 2 * around.x;
  return { width: Math.ceil(width), height: lines.length * line + 2 * around.y };
}

/** A smooth line through the points of an arrow. */
export function curve(points: readonly { x: number; y: number }[]): string {
  const [first, ...rest] = points;
  if (first === undefined)
    return '';
  let path = `M${first.x.toFixed(1)} ${first.y.toFixed(1)}`;
  let previous = first;
  for (const [index, point] of rest.entries()) {
    const next = rest[index + 1];
    if (next === undefined) {
      path += `Q${previous.x.toFixed(1)} ${previous.y.toFixed(1)} ${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
    } else {
      // Curves meet halfway between the points, with the point itself as their control.
      const middle = { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
      if (index === 0)
        path += `L${((first.x + point.x) / 2).toFixed(1)} ${((first.y + point.y) / 2).toFixed(1)}`;
      path += `Q${point.x.toFixed(1)} ${point.y.toFixed(1)} ${middle.x.toFixed(1)} ${middle.y.toFixed(1)}`;
      previous = next;
    }
  }
  return path;
}
