// @ts-check
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import * as proof from './verify.js';

const vectors = JSON.parse(readFileSync(new URL('../vectors.json', import.meta.url), 'utf8'));

/** @param {string} text */
const unhex = (text) => new Uint8Array(Buffer.from(text, 'hex'));
/** @param {Uint8Array} bytes */
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const text = (/** @type {bigint | null} */ height) => height?.toString() ?? null;

const claim = ({ namespace, key, value }) => ({
  namespace,
  key: unhex(key),
  value: value === null ? null : unhex(value),
});
const leaf = ({ path, valueHash }) => ({ path: unhex(path), valueHash: unhex(valueHash) });
const prefix = ({ depth, path }) => ({ depth, path: unhex(path) });

/** What a verifier answers, as the vectors have it. @param {() => unknown} verify */
function outcome(verify) {
  try {
    return verify();
  } catch (error) {
    if (error instanceof proof.Refusal) return { refusal: error.code };
    throw error;
  }
}

/** Runs each vector; there must be some that are accepted and some that are refused.
 * @param {string} name @param {(vector: any) => unknown} verify */
function check(name, verify) {
  const refused = vectors[name].filter((vector) => vector.outcome.refusal !== undefined).length;
  assert.ok(refused > 0 && refused < vectors[name].length, name);
  for (const vector of vectors[name]) {
    test(`${name}: ${vector.description}`, () => {
      assert.deepEqual(outcome(() => verify(vector)), vector.outcome);
    });
  }
}

test('hashes', () => {
  const { paths, valueHashes, leafHashes, innerHashes } = vectors.hashes;
  for (const { namespace, key, path } of paths) {
    assert.equal(hex(proof.pathOf(namespace, unhex(key))), path);
  }
  for (const { changed, value, valueHash } of valueHashes) {
    assert.equal(hex(proof.valueHash(BigInt(changed), unhex(value))), valueHash);
  }
  for (const vector of leafHashes) assert.equal(hex(proof.leafHash(leaf(vector))), vector.leafHash);
  for (const { left, right, innerHash } of innerHashes) {
    assert.equal(hex(proof.innerHash(unhex(left), unhex(right))), innerHash);
  }
});

for (const { description, leaves, root } of vectors.trees) {
  test(`tree: ${description}`, () => {
    assert.equal(hex(proof.subtreeHash(leaves.map(leaf), 0)), root);
  });
}

check('stateProofs', (vector) => ({
  changed: text(
    proof.verifyStateProof(unhex(vector.root), claim(vector.claim), unhex(vector.encoded)),
  ),
}));

check('batchProofs', ({ root, claims, encoded }) => ({
  changed: proof.verifyBatchProof(unhex(root), claims.map(claim), unhex(encoded)).map(text),
}));

check('subtreeProofs', (vector) => {
  const leaves = vector.leaves.map(leaf);
  proof.verifySubtreeProof(unhex(vector.root), prefix(vector.prefix), leaves, unhex(vector.encoded));
  const entries = vector.entries?.map(({ namespace, key, changed, value }) =>
    proof.leafOf({ namespace, key: unhex(key), changed: BigInt(changed), value: unhex(value) }),
  );
  assert.deepEqual(entries ?? leaves, leaves);
  return 'complete';
});

check('tilings', ({ whole, pages }) => {
  const next = proof.nextPrefix(prefix(whole), pages.map(prefix));
  return { next: next && { depth: next.depth, path: hex(next.path) } };
});
