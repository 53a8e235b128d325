/**
 * Solves A x = b for a symmetric positive definite A of `size` rows, row after row, by Cholesky's decomposition. Null where a pivot is not positive
 * (A is singular to rounding). Neither argument is changed.
 */
export function solvePositive(matrix: ArrayLike<number>, right: ArrayLike<number>): Float64Array<ArrayBuffer> | null {
  const size = right.length;
  const lower = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let value = matrix[row * size + column]!;
      for (let k = 0; k < column; k++) value -= lower[row * size + k]! * lower[column * size + k]!;
      if (row !== column) lower[row * size + column] = value / lower[column * size + column]!;
      else if (value > 0) lower[row * size + row] = Math.sqrt(value);
      else return null;
    }
  }
  const x = Float64Array.from(right);
  for (let row = 0; row < size; row++) {
    for (let k = 0; k < row; k++) x[row]! -= lower[row * size + k]! * x[k]!;
    x[row]! /= lower[row * size + row]!;
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let k = row + 1; k < size; k++) x[row]! -= lower[k * size + row]! * x[k]!;
    x[row]! /= lower[row * size + row]!;
  }
  return x;
}
