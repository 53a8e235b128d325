/** Sets an own property, also one called __proto__: several times faster than Object.fromEntries for a record. */
export function put(record: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  else record[name] = value;
}
