import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, parse } from '../src/router';

test('an address and what it says are the same both ways', () => {
  const hash = format('service', { name: 'shop/web:http', from: 'outside' });
  assert.equal(hash, '#/service?name=shop%2Fweb%3Ahttp&from=outside');
  assert.deepEqual(parse(hash), { screen: 'service', params: { name: 'shop/web:http', from: 'outside' } });
});

test('nothing leads to the services, and what is unknown to no screen', () => {
  assert.equal(parse('').screen, 'services');
  assert.equal(parse('#/').screen, 'services');
  assert.equal(parse('#/?q=web').params['q'], 'web');
  assert.equal(parse('#/nothing').screen, null);
  assert.equal(parse('#/constructor').screen, null);
});

test('parameters without a value are left out', () => {
  assert.equal(format('services', { q: '', state: undefined }), '#/');
});

test('no name can lead out of the page', () => {
  for (const name of ['javascript:alert(1)', '//evil.example', '"><script>'])
    assert.match(format('service', { name }), /^#\/service\?name=[A-Za-z0-9%+.*_-]+$/);
});
