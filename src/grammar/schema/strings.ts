import { ANY_TEXT, countedText, intersect, type CharacterAutomaton } from '../characters.ts';
import { jsonStringTerminal } from '../json-string.ts';
import { NOTHING, terminal, type Node } from '../node.ts';
import { freshName } from '../terminal.ts';
import { saidOf, type Part } from './conjunction.ts';
import type { SchemaContext } from './context.ts';
import { formatPattern } from './formats.ts';

/** States that patterns and lengths may need together. */
const MAX_STATES = 10_000;

/** The texts that all parts allow; undefined where there are none. */
export function textsOf(parts: readonly Part[], context: SchemaContext): CharacterAutomaton | undefined {
  const minimum = Math.max(0, ...saidOf<number>(parts, 'minLength'));
  const maximum = Math.min(Infinity, ...saidOf<number>(parts, 'maxLength'));
  if (minimum > maximum) return undefined;
  const patterns = [
    ...saidOf<string>(parts, 'pattern'),
    ...saidOf<string>(parts, 'format').map((name) => formatPattern(name)!),
  ];
  const isCounted = minimum > 0 || maximum < Infinity;
  const automata: (CharacterAutomaton | undefined)[] = Array.from(new Set(patterns), (source) =>
    context.pattern(source),
  );
  if (isCounted) automata.push(countedText(minimum, maximum));
  const [first, ...others] = automata;
  if (automata.length === 0) return ANY_TEXT;
  return others.reduce(
    (all, next) =>
      all === undefined || next === undefined
        ? undefined
        : intersect(all, next, { where: 'schema: a string', maxStates: MAX_STATES, name: freshName() }),
    first,
  );
}

export function stringNode(parts: readonly Part[], context: SchemaContext): Node {
  const texts = textsOf(parts, context);
  return texts === undefined ? NOTHING : terminal(jsonStringTerminal(texts));
}
