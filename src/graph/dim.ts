import { badInput, shownValue } from '../core/index.ts';

/**
 * One extent of a shape: a number, or a symbolic product such as `T`, `B*S` or `3*S`, known only when a graph is run.
 * A symbolic dimension is its canonical text (coefficient first, symbols sorted), so equal dimensions are equal strings.
 */
export type Dim = number | string;

export type Shape = readonly Dim[];

const SYMBOL = /^[A-Za-z][A-Za-z0-9_]*$/;

interface Monomial {
  readonly coefficient: number;
  readonly symbols: readonly string[];
}

function parseDim(dim: Dim): Monomial {
  if (typeof dim === 'number') {
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw badInput(`dimension: must be a whole number of at least 0, got ${dim}`);
    return { coefficient: dim, symbols: [] };
  }
  let coefficient = 1;
  const symbols: string[] = [];
  for (const factor of dim.split('*')) {
    if (/^\d+$/.test(factor)) coefficient *= Number(factor);
    else if (SYMBOL.test(factor)) symbols.push(factor);
    else throw badInput(`dimension: must be a product of symbols and numbers such as "B*S", got ${shownValue(dim)}`);
  }
  return { coefficient, symbols: symbols.toSorted() };
}

function formatDim({ coefficient, symbols }: Monomial): Dim {
  if (symbols.length === 0 || coefficient === 0) return coefficient;
  return (coefficient === 1 ? symbols : [String(coefficient), ...symbols]).join('*');
}

/** The product of dimensions in canonical form: `dimProduct([3, 'S', 'B'])` is `3*B*S`. */
export function dimProduct(dims: Shape): Dim {
  let coefficient = 1;
  const symbols: string[] = [];
  for (const dim of dims) {
    const factor = parseDim(dim);
    coefficient *= factor.coefficient;
    symbols.push(...factor.symbols);
  }
  return formatDim({ coefficient, symbols: symbols.toSorted() });
}

/** The symbols that a dimension is a product of, with repetition; none for a number. */
export function dimSymbols(dim: Dim): readonly string[] {
  return typeof dim === 'number' ? [] : parseDim(dim).symbols;
}

/** The numeric factor of a dimension: 3 for `3*S`. */
export function dimCoefficient(dim: Dim): number {
  return parseDim(dim).coefficient;
}

/** Values of symbols when a graph is run. */
export type DimValues = Readonly<Record<string, number>>;

/** The number that a dimension stands for. Throws bad-input when a symbol has no value. */
export function evaluateDim(dim: Dim, values: DimValues): number {
  if (typeof dim === 'number') return dim;
  const { coefficient, symbols } = parseDim(dim);
  return symbols.reduce((product, symbol) => {
    const value = values[symbol];
    if (value === undefined) throw badInput(`dimension: symbol ${symbol} must have a value, none was given`);
    return product * value;
  }, coefficient);
}

export function evaluateShape(shape: Shape, values: DimValues): number[] {
  return shape.map((dim) => evaluateDim(dim, values));
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** NumPy's broadcasting of two shapes; undefined when they do not fit. A symbol fits itself and 1. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const result: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left === right || right === 1) result.push(left);
    else if (left === 1) result.push(right);
    else return undefined;
  }
  return result;
}
