import { badInput, type DType, type Problem } from '../core/index.ts';
import { dimSymbols, evaluateDim, formatShape, type DimValues } from '../graph/index.ts';
import type { ProgramValue } from './types.ts';

interface Described {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * The values of the symbols, from the shapes of the given inputs. Throws bad-input with every input that is missing or
 * surplus, has another dtype or rank, or a dimension that disagrees with its number or with the symbol's value elsewhere.
 */
export function bindSymbols(
  label: string,
  expected: readonly ProgramValue[],
  given: Readonly<Record<string, Described>>,
): DimValues {
  const problems: Problem[] = [];
  const where = (name: string): string => `program "${label}": input "${name}"`;
  const names = new Set(expected.map(({ name }) => name));
  for (const name of Object.keys(given)) {
    if (names.has(name)) continue;
    const known = expected.map((value) => value.name).join(', ');
    problems.push({
      path: name,
      message: `${where(name)} must be one of the program's inputs (${known}); leave it out`,
    });
  }
  const symbols: Record<string, number> = {};
  const bound: Record<string, string> = {};
  const fitting: { readonly value: ProgramValue; readonly shape: readonly number[] }[] = [];
  for (const value of expected) {
    const tensor = given[value.name];
    const wanted = `${value.dtype} ${formatShape(value.shape)}`;
    if (tensor === undefined) {
      problems.push({ path: value.name, message: `${where(value.name)} must be given as ${wanted}, it is missing` });
      continue;
    }
    if (tensor.dtype !== value.dtype || tensor.shape.length !== value.shape.length) {
      const got = `${tensor.dtype} ${formatShape(tensor.shape)}`;
      problems.push({ path: value.name, message: `${where(value.name)} must be ${wanted}, got ${got}` });
      continue;
    }
    fitting.push({ value, shape: tensor.shape });
    for (const [axis, dim] of value.shape.entries()) {
      if (typeof dim === 'number' || dim.includes('*') || symbols[dim] !== undefined) continue;
      symbols[dim] = tensor.shape[axis]!;
      bound[dim] = value.name;
    }
  }
  for (const { value, shape } of fitting) {
    for (const [axis, dim] of value.shape.entries()) {
      if (dimSymbols(dim).some((symbol) => symbols[symbol] === undefined)) continue;
      const must = evaluateDim(dim, symbols);
      if (must === shape[axis]) continue;
      const source = typeof dim === 'string' && bound[dim] !== undefined ? ` as in "${bound[dim]}"` : '';
      const name = typeof dim === 'string' ? `${dim} = ${must}${source}` : String(must);
      problems.push({
        path: value.name,
        message: `${where(value.name)}: axis ${axis} of ${formatShape(value.shape)} must be ${name}, got ${formatShape(shape)}`,
      });
    }
  }
  if (problems.length > 0) throw badInput(problems);
  return symbols;
}
