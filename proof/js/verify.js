// @ts-check
/**
 * Verifies what a state root proves. Written from the specification in `../src/lib.rs`, which explains all of it, and
 * held to `../vectors.json`.
 *
 * @typedef {Uint8Array} Hash 32 bytes
 * @typedef {{ namespace: number, key: Uint8Array, value: Uint8Array | null }} Claim `null`: that the key is absent
 * @typedef {{ path: Hash, valueHash: Hash }} Leaf
 * @typedef {{ namespace: number, key: Uint8Array, changed: bigint, value: Uint8Array }} Entry
 * @typedef {{ depth: number, path: Hash }} Prefix the first `depth` bits of `path`; all others are zero
 * @typedef {{ kind: 'empty' } | { kind: 'present', changed: bigint } | { kind: 'other', leaf: Leaf }} Terminal
 */

import { blake3 } from '@noble/hashes/blake3.js';

const DEPTH_MAX = 256;
const KEYS_MAX = 1024;
const EMPTY = new Uint8Array(32);

/** Why a proof proves nothing; `code` is the name that the vectors use. */
export class Refusal extends Error {
  /** @param {string} code */
  constructor(code) {
    super(`the proof is refused: ${code}`);
    this.code = code;
  }
}

// Hashes.

/** @param {(string | Uint8Array)[]} parts */
function hash(...parts) {
  const hasher = blake3.create();
  for (const part of parts) {
    hasher.update(typeof part === 'string' ? new TextEncoder().encode(part) : part);
  }
  return hasher.digest();
}

/** @param {number} namespace @param {Uint8Array} key @returns {Hash} */
export function pathOf(namespace, key) {
  const byte = Uint8Array.of(namespace);
  const path = new Uint8Array(32);
  path.set(byte);
  path.set(hash('quorate:path::::', byte, key).subarray(0, 31), 1);
  return path;
}

/** @param {bigint} changed @param {Uint8Array} value @returns {Hash} */
export function valueHash(changed, value) {
  const height = new Uint8Array(8);
  new DataView(height.buffer).setBigUint64(0, changed, true);
  return hash('quorate:value:::', height, value);
}

/** @param {Leaf} leaf @returns {Hash} */
export function leafHash(leaf) {
  return hash('quorate:leaf::::', leaf.path, leaf.valueHash);
}

/** @param {Hash} left @param {Hash} right @returns {Hash} */
export function innerHash(left, right) {
  return hash(left, right);
}

/** @param {Entry} entry @returns {Leaf} */
export function leafOf({ namespace, key, changed, value }) {
  return { path: pathOf(namespace, key), valueHash: valueHash(changed, value) };
}

/** The subtree of leaves that ascend by path and share their first `depth` bits; of all, at depth 0, the root.
 * @param {Leaf[]} leaves @param {number} depth @returns {Hash} */
export function subtreeHash(leaves, depth) {
  if (leaves.length < 2) return leaves.length === 0 ? EMPTY : leafHash(leaves[0]);
  const [left, right] = parted(leaves, depth);
  return innerHash(subtreeHash(left, depth + 1), subtreeHash(right, depth + 1));
}

// Paths.

/** @param {Hash} path @param {number} depth */
function turnsRight(path, depth) {
  return ((path[depth >> 3] >> (7 - (depth & 7))) & 1) === 1;
}

/** How many bits two paths have in common. @param {Hash} one @param {Hash} other */
function sharedBits(one, other) {
  let depth = 0;
  while (depth < DEPTH_MAX && turnsRight(one, depth) === turnsRight(other, depth)) depth += 1;
  return depth;
}

/** @param {Uint8Array} one @param {Uint8Array} other */
function compare(one, other) {
  const at = one.findIndex((byte, at) => byte !== other[at]);
  return at < 0 ? 0 : one[at] - other[at];
}

/** Whether something with a path comes before the next, in all of a list.
 * @param {{ path: Hash }[]} list */
function ascends(list) {
  return list.every(({ path }, at) => at === 0 || compare(list[at - 1].path, path) < 0);
}

/** Those that turn left at a depth, and those that turn right.
 * @template {{ path: Hash }} T @param {T[]} list @param {number} depth @returns {[T[], T[]]} */
function parted(list, depth) {
  const middle = list.findIndex(({ path }) => turnsRight(path, depth));
  return middle < 0 ? [list, []] : [list.slice(0, middle), list.slice(middle)];
}

// Encodings.

/** Reads a proof, and sees that nothing is left over.
 * @template T @param {Uint8Array} bytes @param {(reader: Reader) => T} read @returns {T} */
function decode(bytes, read) {
  const reader = new Reader(bytes);
  const value = read(reader);
  if (reader.at !== bytes.length) throw new Refusal('Malformed');
  return value;
}

class Reader {
  at = 0;

  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    // A copy, since the slices of a Buffer would share its memory.
    this.all = new Uint8Array(bytes);
  }

  /** @param {number} count */
  bytes(count) {
    if (count > this.all.length - this.at) throw new Refusal('Malformed');
    this.at += count;
    return this.all.slice(this.at - count, this.at);
  }

  /** A little-endian number. @param {number} bytes */
  number(bytes) {
    return this.bytes(bytes).reduceRight((sum, byte) => sum * 256 + byte, 0);
  }

  hash() {
    return this.bytes(32);
  }

  leaf() {
    return { path: this.hash(), valueHash: this.hash() };
  }

  /** A byte that says which of several things follows. @param {number} kinds */
  tag(kinds) {
    const tag = this.number(1);
    if (tag >= kinds) throw new Refusal('Malformed');
    return tag;
  }

  /** @template T @param {number} max @param {() => T} read @returns {T[]} */
  list(max, read) {
    const length = this.number(4);
    if (length > max) throw new Refusal('Malformed');
    return Array.from({ length }, read);
  }

  /** @returns {Terminal} */
  terminal() {
    const tag = this.tag(3);
    if (tag === 0) return { kind: 'empty' };
    if (tag === 2) return { kind: 'other', leaf: this.leaf() };
    return { kind: 'present', changed: new DataView(this.bytes(8).buffer).getBigUint64(0, true) };
  }

  /** @param {number} max */
  siblings(max) {
    return this.list(max, () => this.hash());
  }
}

// Proofs.

/** @param {Hash} root @param {Hash} computed */
function checkRoot(root, computed) {
  if (compare(root, computed) !== 0) throw new Refusal('Root');
}

/** The root, from what stands at the end of a way and beside it.
 * @param {Hash} path @param {Hash[]} siblings @param {Hash} bottom */
function climb(path, siblings, bottom) {
  return siblings.reduceRight(
    (node, sibling, depth) =>
      turnsRight(path, depth) ? innerHash(sibling, node) : innerHash(node, sibling),
    bottom,
  );
}

/** @typedef {Claim & { path: Hash, place: number }} Located a claim with its path and its place among the claims */

/** What stands at `depth`, where the ways of all these claims end, if they agree with it.
 * @param {Terminal} terminal @param {Located[]} claims @param {number} depth @returns {Hash} */
function terminalHash(terminal, claims, depth) {
  const present = claims.filter(({ value }) => value !== null);
  if (terminal.kind === 'present' && present.length === 1) {
    const [{ path, value }] = present;
    return leafHash({ path, valueHash: valueHash(terminal.changed, /** @type {Uint8Array} */ (value)) });
  }
  if (present.length > 0) throw new Refusal('Absent');
  if (terminal.kind === 'present') throw new Refusal('Present');
  if (terminal.kind === 'empty') return EMPTY;
  for (const { path } of claims) {
    const shared = sharedBits(path, terminal.leaf.path);
    if (shared < depth || shared === DEPTH_MAX) throw new Refusal('OffTheWay');
  }
  return leafHash(terminal.leaf);
}

/** Checks one claim. Answers with the height of the block that last changed the value, `null` of an absent one.
 * @param {Hash} root @param {Claim} claim @param {Uint8Array} encoded @returns {bigint | null} */
export function verifyStateProof(root, claim, encoded) {
  const { terminal, siblings } = decode(encoded, (reader) => ({
    terminal: reader.terminal(),
    siblings: reader.siblings(DEPTH_MAX),
  }));
  const path = pathOf(claim.namespace, claim.key);
  const bottom = terminalHash(terminal, [{ ...claim, path, place: 0 }], siblings.length);
  checkRoot(root, climb(path, siblings, bottom));
  return terminal.kind === 'present' ? terminal.changed : null;
}

/** Checks claims in any order, and answers for each in theirs, as for one.
 * @param {Hash} root @param {Claim[]} claims @param {Uint8Array} encoded @returns {(bigint | null)[]} */
export function verifyBatchProof(root, claims, encoded) {
  const { ends, siblings } = decode(encoded, (reader) => ({
    ends: reader.list(KEYS_MAX, () => ({ depth: reader.number(2), terminal: reader.terminal() })),
    siblings: reader.siblings(KEYS_MAX * DEPTH_MAX),
  }));
  if (claims.length < 1 || claims.length > KEYS_MAX) throw new Refusal('KeyCount');
  const located = claims
    .map((claim, place) => ({ ...claim, path: pathOf(claim.namespace, claim.key), place }))
    .sort((one, other) => compare(one.path, other.path));
  if (!ascends(located)) throw new Refusal('DuplicateKey');

  /** @type {(bigint | null)[]} */
  const heights = claims.map(() => null);
  let [endsUsed, siblingsUsed] = [0, 0];
  const sibling = () => {
    if (siblingsUsed === siblings.length) throw new Refusal('SiblingMissing');
    return siblings[siblingsUsed++];
  };
  /** @param {Located[]} claims @param {number} depth @returns {Hash} */
  const subtree = (claims, depth) => {
    if (endsUsed === ends.length) throw new Refusal('EndMissing');
    const end = ends[endsUsed];
    if (end.depth < depth || end.depth > DEPTH_MAX) throw new Refusal('EndDepth');
    if (end.depth === depth) {
      endsUsed += 1;
      for (const { place, value } of claims) {
        if (value !== null && end.terminal.kind === 'present') heights[place] = end.terminal.changed;
      }
      return terminalHash(end.terminal, claims, depth);
    }
    const [left, right] = parted(claims, depth);
    // A sibling comes before what the proof has for the subtree beside it.
    const beside = left.length === 0 || right.length === 0 ? sibling() : EMPTY;
    const leftHash = left.length === 0 ? beside : subtree(left, depth + 1);
    const rightHash = right.length === 0 ? beside : subtree(right, depth + 1);
    return innerHash(leftHash, rightHash);
  };
  const computed = subtree(located, 0);
  if (endsUsed < ends.length) throw new Refusal('EndUnused');
  if (siblingsUsed < siblings.length) throw new Refusal('SiblingUnused');
  checkRoot(root, computed);
  return heights;
}

/** Checks that exactly these leaves, ascending by path, stand below a prefix.
 * @param {Hash} root @param {Prefix} prefix @param {Leaf[]} leaves @param {Uint8Array} encoded */
export function verifySubtreeProof(root, prefix, leaves, encoded) {
  const { siblings, other } = decode(encoded, (reader) => ({
    siblings: reader.siblings(DEPTH_MAX),
    other: reader.tag(2) === 1 ? reader.leaf() : null,
  }));
  const depth = siblings.length;
  if (depth > prefix.depth) throw new Refusal('TooLong');
  if (!ascends(leaves)) throw new Refusal('NotAscending');
  if (leaves.some(({ path }) => sharedBits(prefix.path, path) < prefix.depth)) {
    throw new Refusal('OutsidePrefix');
  }
  const room = other !== null ? 0 : depth < prefix.depth ? 1 : Infinity;
  if (leaves.length > room) throw new Refusal('NoRoom');
  if (other !== null) {
    const shared = sharedBits(prefix.path, other.path);
    if (shared < depth || shared >= prefix.depth) throw new Refusal('OffTheWay');
  }
  const bottom = other !== null ? leafHash(other) : subtreeHash(leaves, depth);
  checkRoot(root, climb(prefix.path, siblings, bottom));
}

/** The widest prefix that the page after these can have; `null` when they cover the whole. Refuses pages that leave a
 * hole or overlap.
 * @param {Prefix} whole @param {Prefix[]} pages @returns {Prefix | null} */
export function nextPrefix(whole, pages) {
  /** @type {Prefix | null} */
  let next = whole;
  for (const page of pages) {
    if (next === null) throw new Refusal('Complete');
    if (compare(page.path, next.path) !== 0 || page.depth < next.depth) throw new Refusal('Gap');
    let depth = page.depth;
    while (depth > whole.depth && turnsRight(page.path, depth - 1)) depth -= 1;
    next = depth === whole.depth ? null : { depth, path: rightOf(page.path, depth - 1) };
  }
  return next;
}

/** The first path that turns right where this one turns left. @param {Hash} path @param {number} depth */
function rightOf(path, depth) {
  const right = path.slice();
  right[depth >> 3] = (right[depth >> 3] & (0xff00 >> (depth & 7))) | (0x80 >> (depth & 7));
  right.fill(0, (depth >> 3) + 1);
  return right;
}
