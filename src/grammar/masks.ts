import type { Machine, State } from './machine.ts';
import type { InsideMask } from './mask-cache.ts';
import { specialSymbol, type TerminalState } from './terminal.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Tokens that are fewer than this part of the vocabulary are kept as a list. */
const LISTED_PART = 1 / 64;

/**
 * The ids that may come in `state`: bit `id % 32` of word `id >> 5`.
 *
 * Inside a terminal a token depends on nothing but the place in it, so that walk is done once for all grammars. Only the tokens that go past its end are
 * walked with the stack, from the nodes of the tree where it ends.
 */
export function maskOf(machine: Machine, state: State, vocabulary: Vocabulary): Uint32Array {
  const { cache, trie, size, stopIds } = vocabulary;
  const found = cache.whole.get(state.id);
  if (found !== undefined) return found;
  const mask = new Uint32Array((size + 31) >>> 5);
  for (const { terminal, rest } of state.branches) {
    if (terminal.token !== undefined) {
      if (terminal.token < size && terminal.step(specialSymbol(terminal.token)) !== undefined)
        setBit(mask, terminal.token);
      continue;
    }
    const inside = insideMask(terminal, vocabulary);
    if (inside.bits !== undefined) for (let word = 0; word < mask.length; word++) mask[word]! |= inside.bits[word]!;
    for (const id of inside.ids) setBit(mask, id);
    if (inside.exits.length === 0) continue;
    const behind = machine.open(rest);
    if (behind.branches.length === 0) continue;
    for (const node of inside.exits)
      if (trie.end[node]! > node + 1) walkBehind(machine, behind, node, { mask, vocabulary });
  }
  if (state.isComplete) for (const id of stopIds) setBit(mask, id);
  cache.whole.set(state.id, mask, mask.byteLength);
  return mask;
}

function setBit(mask: Uint32Array, id: number): void {
  mask[id >>> 5]! |= 1 << (id & 31);
}

/** Allows the tokens below `root` that go on in `state`. */
function walkBehind(
  machine: Machine,
  state: State,
  root: number,
  into: { readonly mask: Uint32Array; readonly vocabulary: Vocabulary },
): void {
  const { byte, end, depth, firstId, ids } = into.vocabulary.trie;
  const base = depth[root]!;
  const path: State[] = [state];
  for (let node = root + 1; node < end[root]!;) {
    const level = depth[node]! - base;
    const next = machine.step(path[level - 1]!, byte[node]!);
    if (next === undefined) {
      node = end[node]!;
      continue;
    }
    path[level] = next;
    for (let i = firstId[node]!; i < firstId[node + 1]!; i++) setBit(into.mask, ids[i]!);
    node++;
  }
}

function insideMask(start: TerminalState, vocabulary: Vocabulary): InsideMask {
  const found = vocabulary.cache.inside.get(start.key);
  if (found !== undefined) return found;
  const { byte, end, depth, firstId, ids } = vocabulary.trie;
  const allowed: number[] = [];
  const exits: number[] = [];
  const path: TerminalState[] = [start];
  for (let node = 1; node < byte.length;) {
    const level = depth[node]!;
    const next = path[level - 1]!.step(byte[node]!);
    if (next === undefined) {
      node = end[node]!;
      continue;
    }
    path[level] = next;
    for (let i = firstId[node]!; i < firstId[node + 1]!; i++) allowed.push(ids[i]!);
    if (next.accepts) exits.push(node);
    node++;
  }
  const made = packed(allowed, exits, vocabulary.size);
  vocabulary.cache.inside.set(
    start.key,
    made,
    200 + (made.bits?.byteLength ?? 0) + made.ids.byteLength + made.exits.byteLength,
  );
  return made;
}

function packed(allowed: readonly number[], exits: readonly number[], size: number): InsideMask {
  if (allowed.length < size * LISTED_PART)
    return { bits: undefined, ids: Int32Array.from(allowed), exits: Int32Array.from(exits) };
  const bits = new Uint32Array((size + 31) >>> 5);
  for (const id of allowed) setBit(bits, id);
  return { bits, ids: new Int32Array(0), exits: Int32Array.from(exits) };
}
