/**
 * Indices of the edges (winner, loser) that lie on a directed circle of three nodes or more. Two edges in opposite directions are a
 * contradiction, not a circle, and are left out with all their copies.
 *
 * An edge is on a circle exactly when both ends are in one strongly connected component. Source: Kosaraju's two depth-first searches
 * (Sharir 1981), here with explicit stacks, since a prompt may have many thousand answers.
 */
export function cyclicEdges(edges: readonly (readonly [winner: number, loser: number])[]): number[] {
  const nodes = new Map<number, number>();
  const idOf = (key: number): number => nodes.get(key) ?? (nodes.set(key, nodes.size), nodes.size - 1);
  const pairs = edges.map(([winner, loser]) => [idOf(winner), idOf(loser)] as const);
  const known = new Set(pairs.map(([from, to]) => from * nodes.size + to));
  const isPlain = ([from, to]: readonly [number, number]): boolean => from !== to && !known.has(to * nodes.size + from);
  const forward: number[][] = Array.from({ length: nodes.size }, () => []);
  const backward: number[][] = Array.from({ length: nodes.size }, () => []);
  for (const pair of pairs) {
    if (!isPlain(pair)) continue;
    forward[pair[0]]!.push(pair[1]);
    backward[pair[1]]!.push(pair[0]);
  }
  const component = new Int32Array(nodes.size).fill(-1);
  for (const root of finishingOrder(forward).toReversed()) {
    if (component[root] !== -1) continue;
    component[root] = root;
    const stack = [root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      for (const next of backward[node]!) {
        if (component[next] !== -1) continue;
        component[next] = root;
        stack.push(next);
      }
    }
  }
  return pairs.flatMap((pair, edge) => (isPlain(pair) && component[pair[0]] === component[pair[1]] ? [edge] : []));
}

/** Nodes in the order in which a depth-first search leaves them. */
function finishingOrder(graph: readonly (readonly number[])[]): number[] {
  const order: number[] = [];
  const seen = new Uint8Array(graph.length);
  for (let root = 0; root < graph.length; root++) {
    if (seen[root] === 1) continue;
    seen[root] = 1;
    const stack = [{ node: root, next: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const to = graph[top.node]![top.next++];
      if (to === undefined) {
        order.push(top.node);
        stack.pop();
      } else if (seen[to] === 0) {
        seen[to] = 1;
        stack.push({ node: to, next: 0 });
      }
    }
  }
  return order;
}
