/** Items grouped by their keys, in order of appearance; without keys each item stands alone. */
export function itemsByCluster(count: number, clusters?: ArrayLike<number | string>): readonly Int32Array[] {
  if (clusters === undefined) return Array.from({ length: count }, (_, item) => Int32Array.of(item));
  const groups = new Map<number | string, number[]>();
  for (let item = 0; item < count; item++) {
    const group = groups.get(clusters[item]!);
    if (group === undefined) groups.set(clusters[item]!, [item]);
    else group.push(item);
  }
  return [...groups.values()].map((group) => Int32Array.from(group));
}
