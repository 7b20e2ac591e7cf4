import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countStates, filter, index } from '../src/filter';
import type { HomeRow } from '../src/types';

function row(more: Partial<HomeRow>): HomeRow {
  return {
    service: 'shop/web', port: 'http', name: 'shop/web:http', protocol: 'tcp', family: 'IPv4', writer: 'kube-proxy iptables',
    frontends: [{ kind: 'ClusterIP', text: '172.30.10.1:80' }], endpoints: 3, total: 3, shares: 'equal', policies: [], rulesBefore: 4,
    state: 'works', verdict: null, code: null, cause: null, when: null, where: null, who: [], ...more,
  };
}

const rows = index([
  row({}),
  row({ name: 'shop/cart:http', service: 'shop/cart', frontends: [{ kind: 'ClusterIP', text: '172.30.10.2:80' }, { kind: 'NodePort', text: '*:30080' }] }),
  row({ name: 'media/stream:rtp', service: 'media/stream', port: 'rtp', state: 'fails', code: 'no-endpoints', cause: 'no pod matches the selector', verdict: 'rejected' }),
]);
const names = (query: string, state: Parameters<typeof filter>[2] = null) => filter(rows, query, state).map((found) => found.name);

test('name, namespace, address, node port and reason find a service', () => {
  assert.deepEqual(names('cart'), ['shop/cart:http']);
  assert.deepEqual(names('shop/'), ['shop/web:http', 'shop/cart:http']);
  assert.deepEqual(names('172.30.10.2'), ['shop/cart:http']);
  assert.deepEqual(names('30080'), ['shop/cart:http']);
  assert.deepEqual(names('selector'), ['media/stream:rtp']);
  assert.deepEqual(names('no-endpoints'), ['media/stream:rtp']);
});

test('every word must be found, in any order and case', () => {
  assert.deepEqual(names('30080 SHOP'), ['shop/cart:http']);
  assert.deepEqual(names('30080 media'), []);
});

test('an empty search finds everything, in the order given', () => {
  assert.deepEqual(names('  '), ['shop/web:http', 'shop/cart:http', 'media/stream:rtp']);
});

test('a state narrows what is found', () => {
  assert.deepEqual(names('', 'fails'), ['media/stream:rtp']);
  assert.deepEqual(names('shop', 'fails'), []);
});

test('rows are counted by state', () => {
  assert.deepEqual(countStates(rows.map((each) => each.row)), { fails: 1, unknown: 0, limited: 0, works: 2, pending: 0 });
});
