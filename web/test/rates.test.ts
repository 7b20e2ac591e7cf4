import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateHistory, sparkline } from '../src/rates';

test('a service has its rates in order, and 0 where a message leaves it out', () => {
  const rates = new RateHistory();
  rates.add(1, { 'shop/web': 5 });
  rates.add(2, {});
  rates.add(3, { 'shop/web': 7 });
  assert.deepEqual(rates.of('shop/web'), [0, 5, 0, 7]);
  assert.equal(rates.last('shop/web'), 7);
});

test('at most a minute is kept', () => {
  const rates = new RateHistory();
  for (let at = 1; at <= 200; at++)
    rates.add(at, { 'shop/web': at });
  assert.equal(rates.of('shop/web').length, 60);
  assert.equal(rates.last('shop/web'), 200);
});

test('a service that has been silent for a minute is forgotten', () => {
  const rates = new RateHistory();
  rates.add(1, { 'shop/web': 5 });
  for (let at = 2; at <= 70; at++)
    rates.add(at, {});
  assert.deepEqual(rates.of('shop/web'), []);
  assert.equal(rates.last('shop/web'), null);
});

test('a clock that steps back begins a new history', () => {
  const rates = new RateHistory();
  rates.add(100, { 'shop/web': 5 });
  rates.add(1, { 'shop/cart': 2 });
  assert.deepEqual(rates.of('shop/web'), []);
  assert.deepEqual(rates.of('shop/cart'), [0, 2]);
});

test('the line ends at the right, and its highest point at the top', () => {
  const points = sparkline([0, 10, 5], 59, 10).split(' ');
  assert.deepEqual(points, ['57.0,10.0', '58.0,0.0', '59.0,5.0']);
  assert.doesNotMatch(sparkline([0, 0], 59, 10), /NaN|Infinity/);
});
