import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { graphNodes, printGraph, type Graph } from '../graph/index.ts';
import type { LoraConfig } from '../models/index.ts';

/** SHA-256 of a graph's text and constants: graphs of one key compute the same from inputs of the same names. */
export function graphKey(source: Graph): string {
  const hash = sha256.create().update(utf8ToBytes(printGraph(source)));
  for (const node of graphNodes(source)) {
    if (node.kind !== 'constant') continue;
    const { buffer, byteOffset, byteLength } = node.attributes.value.data;
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return bytesToHex(hash.digest());
}

/** What of an adapter decides how it is computed: its modules and ranks, magnitudes and anchors, but no scale and no value. */
export function adapterShape({ targets, magnitudes = false, anchored = false }: LoraConfig): string {
  const modules = targets.map(({ path, rank }) => `${path}:${rank}`).toSorted();
  return [...modules, ...(magnitudes ? ['magnitudes'] : []), ...(anchored ? ['anchored'] : [])].join(' ');
}
