import assert from 'node:assert/strict';
import { test } from 'node:test';
import { curve, place } from '../src/graph/layout';
import { between, light, model, sentences } from '../src/graph/model';
import type { GraphAnswer } from '../src/types';

// shop/payments with source ranges: pods are dropped, some sources from outside are not.
const answer: GraphAnswer = {
  title: 'shop/payments',
  nodes: [
    { id: 'n0', kind: 'client', label: 'pods,\nthis node' },
    { id: 'n1', kind: 'client', label: 'outside the cluster' },
    { id: 'n2', kind: 'frontend', label: 'load balancer IP\n172.6.6.7:443', addresses: ['172.6.6.7:443'] },
    { id: 'n3', kind: 'decision', label: 'loadBalancerSourceRanges' },
    { id: 'n4', kind: 'deadend', label: 'dropped:\nsource not allowed' },
    { id: 'n5', kind: 'endpoint', label: '10.244.1.30:8443' },
  ],
  edges: [
    { from: 'n0', to: 'n2', label: '', clients: ['c0'] },
    { from: 'n1', to: 'n2', label: '', clients: ['c1', 'c2'] },
    { from: 'n2', to: 'n3', label: '', clients: ['c0', 'c1', 'c2'] },
    { from: 'n3', to: 'n4', label: 'from pods, other sources outside', clients: ['c0', 'c1'] },
    { from: 'n3', to: 'n5', label: 'from 203.0.113.0/24', clients: ['c2'], masquerade: 'yes' },
  ],
  clients: [
    { id: 'c0', place: 'pod', family: 'IPv4', ranges: [], isRest: true, example: '10.244.0.9' },
    { id: 'c1', place: 'outside', family: 'IPv4', ranges: [], isRest: true, example: '198.51.100.9' },
    { id: 'c2', place: 'outside', family: 'IPv4', ranges: ['203.0.113.0/24'], isRest: false, example: '203.0.113.9' },
  ],
  notes: [],
};

test('a client sees only its own arrows and boxes', () => {
  const pod = model(answer, 'pod');
  assert.deepEqual(pod.boxes.map((box) => box.id), ['n0', 'n2', 'n3', 'n4']);
  assert.deepEqual(pod.arrows.map((arrow) => arrow.to), ['n2', 'n3', 'n4']);
  assert.equal(model(answer, 'outside').boxes.length, 5);
  assert.equal(model(answer, null).boxes.length, 6);
});

test('the only client left is called by its own name', () => {
  assert.equal(model(answer, 'pod').boxes[0]!.label, 'a pod');
  assert.equal(model(answer, null).boxes[0]!.label, 'pods,\nthis node');
});

test('drops are bad, masquerading has its colour, conditions are dashed', () => {
  const whole = model({ ...answer, edges: [...answer.edges, { from: 'n2', to: 'n5', label: '', when: ['an address of this node'] }] }, null);
  const arrow = (from: string, to: string) => whole.arrows.find((each) => each.from === from && each.to === to)!;
  assert.equal(arrow('n3', 'n4').tone, 'bad');
  assert.equal(arrow('n3', 'n5').tone, 'masquerade');
  assert.equal(arrow('n2', 'n3').tone, 'plain');
  assert.equal(arrow('n2', 'n3').isDashed, false);
  assert.equal(arrow('n2', 'n5').isDashed, true);
});

test('the path between a frontend and an end is found, with the clients that take it', () => {
  const pod = model(answer, 'pod');
  assert.deepEqual([...between(pod, '172.6.6.7:443', (box) => box.kind === 'deadend')].sort(), ['n0', 'n2', 'n3', 'n4']);
  assert.equal(between(pod, '172.6.6.7:443', (box) => box.kind === 'endpoint').size, 0);
  assert.equal(between(pod, '192.0.2.1:1', (box) => box.kind === 'deadend').size, 0);
});

test('circles of arrows end', () => {
  const circle = model({ ...answer, edges: [...answer.edges, { from: 'n3', to: 'n2', label: '' }] }, null);
  assert.ok(between(circle, '172.6.6.7:443', (box) => box.kind === 'endpoint').has('n5'));
  assert.ok(place(circle, 'LR').boxes.every((box) => Number.isFinite(box.x) && Number.isFinite(box.y)));
});

test('arrows are lit between lit boxes only', () => {
  const lit = light(model(answer, null), (box) => box.id === 'n2' || box.id === 'n3');
  assert.deepEqual(lit.arrows.filter((arrow) => arrow.isLit).map((arrow) => [arrow.from, arrow.to]), [['n2', 'n3']]);
});

test('each arrow is a sentence', () => {
  assert.deepEqual(sentences(model(answer, 'pod')), [
    'a pod → load balancer IP 172.6.6.7:443',
    'load balancer IP 172.6.6.7:443 → loadBalancerSourceRanges',
    'loadBalancerSourceRanges → dropped: source not allowed (from pods, other sources outside)',
  ]);
});

test('boxes do not overlap, and clients are at the left or at the top', () => {
  for (const direction of ['LR', 'TB'] as const) {
    const { boxes, width, height } = place(model(answer, null), direction);
    for (const [at, a] of boxes.entries()) {
      assert.ok(a.x - a.width / 2 >= 0 && a.x + a.width / 2 <= width && a.y - a.height / 2 >= 0 && a.y + a.height / 2 <= height);
      for (const b of boxes.slice(at + 1))
        assert.ok(Math.abs(a.x - b.x) * 2 >= a.width + b.width || Math.abs(a.y - b.y) * 2 >= a.height + b.height, `${a.item.id} and ${b.item.id} overlap`);
    }
    const of = (id: string) => boxes.find((box) => box.item.id === id)!;
    assert.ok(direction === 'LR' ? of('n0').x < of('n5').x : of('n0').y < of('n5').y);
  }
});

test('a box is wide enough for what is shown of a hidden character', () => {
  const width = (label: string) => place(model({ ...answer, nodes: [{ id: 'n', kind: 'chain', label }], edges: [] }, null), 'LR').boxes[0]!.width;
  assert.ok(width('a\u202eb') > width('a-b'));
});

test('a picture of nothing has a size', () => {
  const { width, height } = place(model({ ...answer, nodes: [], edges: [] }, null), 'LR');
  assert.ok(width > 0 && height > 0 && Number.isFinite(width) && Number.isFinite(height));
});

test('a curve begins and ends where its arrow does', () => {
  const path = curve([{ x: 1, y: 2 }, { x: 5, y: 6 }, { x: 9, y: 2 }]);
  assert.match(path, /^M1\.0 2\.0/);
  assert.match(path, / 9\.0 2\.0$/);
  assert.equal(curve([]), '');
});
