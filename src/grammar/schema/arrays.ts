import { choiceOf, repeatOf, sequenceOf, NOTHING, type Node } from '../node.ts';
import { jsonPieces } from '../json-values.ts';
import { saidOf, type Part } from './conjunction.ts';
import type { Schema } from './context.ts';

/** Arrays: items in front by their places, then any number of the rest, within the counts. `compile` gives the node of what all schemas allow. */
export function arrayNode(parts: readonly Part[], compile: (schemas: readonly Schema[]) => Node): Node {
  const { comma, openArray, closeArray } = jsonPieces();
  const minimum = Math.max(0, ...saidOf<number>(parts, 'minItems'));
  const maximum = Math.min(Infinity, ...saidOf<number>(parts, 'maxItems'));
  if (minimum > maximum) return NOTHING;
  const first = Math.max(0, ...saidOf<readonly Schema[]>(parts, 'prefixItems').map((list) => list.length));
  const itemAt = (index: number): Node =>
    compile(
      parts.flatMap(({ schema }) => {
        const listed = (schema.prefixItems as readonly Schema[] | undefined)?.[index];
        const said = listed ?? (schema.items as Schema | undefined);
        return said === undefined ? [] : [said];
      }),
    );

  const rest = itemAt(first);
  const further = repeatOf(sequenceOf(comma, rest), Math.max(0, minimum - first), maximum - first);
  let tail: Node;
  if (maximum < first) tail = closeArray;
  else if (first > 0) tail = sequenceOf(further, closeArray);
  else {
    const others = repeatOf(sequenceOf(comma, rest), Math.max(0, minimum - 1), maximum - 1);
    const some = maximum > 0 ? [sequenceOf(rest, others, closeArray)] : [];
    tail = choiceOf([...(minimum === 0 ? [closeArray] : []), ...some]);
  }
  for (let index = Math.min(first, maximum) - 1; index >= 0; index--) {
    const item = sequenceOf(...(index > 0 ? [comma] : []), itemAt(index), tail);
    tail = choiceOf([...(minimum <= index ? [closeArray] : []), item]);
  }
  return sequenceOf(openArray, tail);
}
