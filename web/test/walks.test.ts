import assert from 'node:assert/strict';
import { test } from 'node:test';
import { question, settling } from '../src/packet-form';
import type { Outcome, WalkStep, WatchedStep } from '../src/types';
import { compare, matching, summary } from '../src/walks';

function step(chain: string, rule: number): WalkStep {
  return { hook: 'prerouting', table: 'nat', chain, rule, service: null, text: `-A ${chain}` };
}

function real(chain: string, rule: number): WatchedStep {
  return { packet: 1, kind: 'rule', hook: 'prerouting', table: 'nat', chain, rule, verdict: 'continue' };
}

function outcome(more: Partial<Outcome>): Outcome {
  return { probability: 1, verdict: 'forward', destination: '10.244.1.10:8080', masquerade: false, mark: 0, path: [], ...more };
}

test('a real packet is compared rule by rule', () => {
  const rows = compare([step('PREROUTING', 1), step('KUBE-SERVICES', 4), step('KUBE-SVC-A', 2)], [real('PREROUTING', 1), real('DOCKER', 1), real('KUBE-SVC-A', 2)]);
  assert.deepEqual(rows.map((row) => `${row.by} ${row.where}`), [
    'both nat PREROUTING rule 1', 'simulated nat KUBE-SERVICES rule 4', 'real nat DOCKER rule 1', 'both nat KUBE-SVC-A rule 2',
  ]);
});

test('returns and the end are no rules that a walk could meet', () => {
  const rows = compare([step('A', 1)], [real('A', 1), { packet: 1, kind: 'return', table: 'nat', chain: 'A', verdict: 'return' }, { packet: 1, kind: 'end', verdict: 'forward' }]);
  assert.deepEqual(rows.map((row) => row.by), ['both']);
});

test('the outcome that a real packet took is the one with its destination', () => {
  const outcomes = [outcome({ destination: '10.244.1.10:8080' }), outcome({ destination: '10.244.2.10:8080' })];
  assert.equal(matching(outcomes, [real('A', 1), { packet: 1, kind: 'end', verdict: 'forward', destination: '10.244.2.10:8080' }]), 1);
});

test('without its destination, the one with most rules in common', () => {
  const outcomes = [outcome({ path: [step('A', 1)] }), outcome({ path: [step('A', 1), step('B', 1)] })];
  assert.equal(matching(outcomes, [real('A', 1), real('B', 1)]), 1);
});

test('the verdict of several outcomes says each part', () => {
  assert.equal(summary([outcome({})]).state, 'works');
  assert.equal(summary([outcome({ probability: 0.5 }), outcome({ probability: 0.5, destination: '10.244.2.10:8080' })]).state, 'works');
  assert.equal(summary([outcome({ verdict: 'drop' })]).state, 'fails');
  const mixed = summary([outcome({ probability: 0.25 }), outcome({ probability: 0.75, verdict: 'unknown' })]);
  assert.equal(mixed.state, 'unknown');
  assert.match(mixed.text, /25 %/);
  assert.match(mixed.text, /75 %/);
  assert.equal(summary([outcome({ probability: 0.5 }), outcome({ probability: 0.5, verdict: 'drop' })]).state, 'fails');
});

test('a packet is asked about once both ends are known', () => {
  assert.equal(question({ src: 'pod' }), null);
  assert.deepEqual(question({ src: 'pod', dst: 'shop/web', step: '3', source: 'x' }), { src: 'pod', dst: 'shop/web' });
});

test('options that would settle an answer are fields of the form', () => {
  assert.deepEqual(settling('--in IFACE and --out IFACE, or the outputs of ip route').fields.map((field) => field.name), ['in', 'out']);
  assert.deepEqual(settling('the output of iptables-save').fields, []);
});
