import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, share, shortPath, visible, wrap } from '../src/text';

test('characters that turn or hide text are written as their code points', () => {
  assert.equal(visible('shop/\u202egnp.exe'), 'shop/⟨U+202E⟩gnp.exe');
  assert.equal(visible('a\u200bb\u2066c\u0007\u0085\ufeff'), 'a⟨U+200B⟩b⟨U+2066⟩c⟨U+0007⟩⟨U+0085⟩⟨U+FEFF⟩');
  assert.equal(visible('tag\u{e0041}'), 'tag⟨U+E0041⟩');
});

test('other text stays as it is, in any script, with its lines', () => {
  for (const text of ['shop/web:http', 'Grüße, мир, 世界', 'line\n\tnext', '<b>bold</b>', '⟨U+202E⟩', '🙂'])
    assert.equal(visible(text), text);
});

test('shares are fractions where they are one, else per cent', () => {
  assert.equal(share(1), '1');
  assert.equal(share(1 / 3), '1/3');
  assert.equal(share(0.14286), '1/7');
  assert.equal(share(0.9), '90 %');
  assert.equal(share(0.021429), '2.1 %');
});

test('lines are broken at spaces, and words stay whole', () => {
  assert.deepEqual(wrap('picks one of all endpoints', 12), ['picks one of', 'all', 'endpoints']);
  assert.deepEqual(wrap('KUBE-SVC-M42ZCW2EYUCRBVAF\npicks', 8), ['KUBE-SVC-M42ZCW2EYUCRBVAF', 'picks']);
});

test('sizes have units, and paths their last part', () => {
  assert.equal(bytes(1), '1 byte');
  assert.equal(bytes(28432), '28 KiB');
  assert.equal(bytes(67108864), '64 MiB');
  assert.equal(shortPath('/tmp/a/broken.txt:36'), 'broken.txt:36');
  assert.equal(shortPath('rules.txt'), 'rules.txt');
});
