import type { Machine } from '../machine.ts';
import { unsupported } from '../problem.ts';
import { arithmetic } from './arithmetic.ts';
import { percentFormat } from './percent-format.ts';
import { Markup, type Value } from './values.ts';

/** a % b: the remainder with the sign of b, or, of a text, printf-style formatting. */
export function remainder(machine: Machine, a: Value, b: Value): Value {
  if (typeof a === 'string') return percentFormat(machine, a, b);
  if (a instanceof Markup) throw unsupported('% on a text of the safe or escape filter');
  return arithmetic(machine, '%', a, b);
}
