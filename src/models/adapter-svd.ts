import { internal, type Random } from '../core/index.ts';

/** A matrix [rows, columns], row by row. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array | Float64Array;
}

/** The largest singular values of a matrix, falling, with their vectors: M = sum_i values[i] left[i] right[i]^T. */
export interface SingularTriplets {
  readonly values: Float64Array;
  /** Vectors of the length of a column of M, each of norm 1, or all zeros where the value is 0. */
  readonly left: readonly Float64Array[];
  /** Vectors of the length of a row of M, each of norm 1. */
  readonly right: readonly Float64Array[];
}

/** Columns count as orthogonal when their cosine is at most this. */
const ORTHOGONAL = 2 ** -46;
/** Convergence is quadratic; six to ten sweeps are usual. */
const MOST_SWEEPS = 60;
/** Directions that the randomised method follows beyond those that are asked for. */
const OVERSAMPLING = 10;

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** a, b = c a - s b, s a + c b */
function rotate(a: Float64Array, b: Float64Array, c: number, s: number): void {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    a[i] = c * x - s * y;
    b[i] = s * x + c * y;
  }
}

/** Makes the columns orthogonal by rotating pairs of them, and does the same to `turned`. */
function orthogonaliseColumns(columns: readonly Float64Array[], turned: readonly Float64Array[]): void {
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    const squares = columns.map((column) => dot(column, column));
    let rotations = 0;
    for (let p = 0; p < columns.length; p++) {
      for (let q = p + 1; q < columns.length; q++) {
        const [alpha, beta] = [squares[p]!, squares[q]!];
        const gamma = dot(columns[p]!, columns[q]!);
        if (Math.abs(gamma) <= ORTHOGONAL * Math.sqrt(alpha * beta)) continue;
        rotations++;
        const zeta = (beta - alpha) / (2 * gamma);
        const tangent = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const cosine = 1 / Math.hypot(1, tangent);
        rotate(columns[p]!, columns[q]!, cosine, cosine * tangent);
        rotate(turned[p]!, turned[q]!, cosine, cosine * tangent);
        squares[p] = Math.max(0, alpha - tangent * gamma);
        squares[q] = beta + tangent * gamma;
      }
    }
    if (rotations === 0) return;
  }
  throw internal(`svd: ${columns.length} columns are not orthogonal after ${MOST_SWEEPS} sweeps`);
}

/**
 * All min(rows, columns) singular triplets in float64, by one-sided Jacobi rotations: accurate also for small values, and slow, about
 * 10 rows columns^2 products a sweep. Throws `internal:` when it does not converge, as for NaN.
 * Source: Hestenes 1958; Demmel and Veselic 1992 for the accuracy.
 */
export function exactSvd(matrix: Matrix): SingularTriplets {
  const isWide = matrix.columns > matrix.rows;
  const [length, count] = isWide ? [matrix.columns, matrix.rows] : [matrix.rows, matrix.columns];
  const at = (row: number, column: number): number => matrix.data[row * matrix.columns + column]!;
  const columns = Array.from({ length: count }, (_, j) =>
    Float64Array.from({ length }, (_value, i) => (isWide ? at(j, i) : at(i, j))),
  );
  const turned = columns.map((_, j) => {
    const unit = new Float64Array(count);
    unit[j] = 1;
    return unit;
  });
  orthogonaliseColumns(columns, turned);
  const norms = columns.map((column) => Math.sqrt(dot(column, column)));
  const order = norms.map((_, j) => j).toSorted((a, b) => norms[b]! - norms[a]!);
  const units = order.map((j) => columns[j]!.map((value) => (norms[j]! > 0 ? value / norms[j]! : 0)));
  const others = order.map((j) => turned[j]!);
  const values = Float64Array.from(order, (j) => norms[j]!);
  return isWide ? { values, left: others, right: units } : { values, left: units, right: others };
}

/** Rows of X that are added at a time: y is read and written once for them. */
const ROWS_AT_ONCE = 4;

/** M X for X [columns, width], or M^T X for X [rows, width] when transposed; row by row. */
function multiply({ rows, columns, data }: Matrix, x: Float64Array, transposed: boolean): Float64Array {
  const [outer, inner] = transposed ? [columns, rows] : [rows, columns];
  const width = x.length / inner;
  const y = new Float64Array(outer * width);
  // Element (o, i) of M or M^T.
  const [outerStride, innerStride] = transposed ? [1, columns] : [columns, 1];
  const whole = inner - (inner % ROWS_AT_ONCE);
  const addRows = (o: number, i: number): void => {
    const at = o * outerStride + i * innerStride;
    const [f0, f1, f2, f3] = [
      data[at]!,
      data[at + innerStride]!,
      data[at + 2 * innerStride]!,
      data[at + 3 * innerStride]!,
    ];
    const [x0, x1, x2, x3] = [i * width, (i + 1) * width, (i + 2) * width, (i + 3) * width];
    const to = o * width;
    for (let k = 0; k < width; k++) y[to + k]! += f0 * x[x0 + k]! + f1 * x[x1 + k]! + f2 * x[x2 + k]! + f3 * x[x3 + k]!;
  };
  const addRow = (o: number, i: number): void => {
    const factor = data[o * outerStride + i * innerStride]!;
    for (let k = 0; k < width; k++) y[o * width + k]! += factor * x[i * width + k]!;
  };
  // M is read along its rows either way.
  if (transposed) for (let i = 0; i < whole; i += ROWS_AT_ONCE) for (let o = 0; o < outer; o++) addRows(o, i);
  else for (let o = 0; o < outer; o++) for (let i = 0; i < whole; i += ROWS_AT_ONCE) addRows(o, i);
  for (let o = 0; o < outer; o++) for (let i = whole; i < inner; i++) addRow(o, i);
  return y;
}

/**
 * Makes the `width` columns of X (row by row) orthonormal in place, each against those before it, twice, so that rounding does not undo it. A
 * column that depends on those before it becomes zero.
 */
export function orthonormalise(x: Float64Array, width: number): void {
  const rows = x.length / width;
  const product = (a: number, b: number): number => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += x[row * width + a]! * x[row * width + b]!;
    return sum;
  };
  for (let column = 0; column < width; column++) {
    const before = Math.sqrt(product(column, column));
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < column; other++) {
        const share = product(other, column);
        for (let row = 0; row < rows; row++) x[row * width + column]! -= share * x[row * width + other]!;
      }
    }
    const left = Math.sqrt(product(column, column));
    const factor = left > 1e-12 * before ? 1 / left : 0;
    for (let row = 0; row < rows; row++) x[row * width + column]! *= factor;
  }
}

/**
 * The `count` largest singular triplets, approximately: the matrix is multiplied with random directions, `iterations` times forth and
 * back, and what they span is decomposed exactly. Good where values fall; each iteration costs 4 rows columns (count + 10) products.
 * Source: Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1.
 */
export function randomisedSvd(
  matrix: Matrix,
  { count, iterations, random }: { readonly count: number; readonly iterations: number; readonly random: Random },
): SingularTriplets {
  const { rows, columns } = matrix;
  const width = Math.min(count + OVERSAMPLING, rows, columns);
  let basis = multiply(
    matrix,
    Float64Array.from({ length: columns * width }, () => random.nextNormal()),
    false,
  );
  orthonormalise(basis, width);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const back = multiply(matrix, basis, true);
    orthonormalise(back, width);
    basis = multiply(matrix, back, false);
    orthonormalise(basis, width);
  }
  // M^T Q = V S U'^T, so M is about Q U' S V^T.
  const small = exactSvd({ rows: columns, columns: width, data: multiply(matrix, basis, true) });
  const left = small.right
    .slice(0, count)
    .map((vector) =>
      Float64Array.from({ length: rows }, (_, row) => dot(vector, basis.subarray(row * width, (row + 1) * width))),
    );
  return { values: small.values.slice(0, count), left, right: small.left.slice(0, count) };
}
