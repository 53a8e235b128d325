import { specialTokenTerminal, textsTerminal, type TerminalState } from './terminal.ts';
import { freeTextTerminal } from './free-text.ts';

/** What a text consists of. Nodes are compared by identity: the same node is the same language. */
export type Node =
  | { readonly kind: 'terminal'; readonly start: TerminalState }
  | { readonly kind: 'empty' }
  | { readonly kind: 'sequence'; readonly first: Node; readonly behind: Node }
  | { readonly kind: 'choice'; readonly options: readonly Node[] }
  /** `minimum` to `maximum` times (Infinity for no end) `item`. */
  | RepeatNode
  /** Stands for a node that is set later, so that a grammar may contain itself. */
  | ReferenceNode;

export interface RepeatNode {
  readonly kind: 'repeat';
  readonly item: Node;
  readonly minimum: number;
  readonly maximum: number;
  /** The same repeat with other counts, each made once. */
  readonly counts: Map<string, RepeatNode>;
}

export interface ReferenceNode {
  readonly kind: 'reference';
  target: Node | undefined;
}

/** A language of texts that a constraint can hold an answer to. Made by `compileSchema`, `literal`, `sequence`, `choice` and the like. */
export interface Grammar {
  readonly root: Node;
  /** Nodes from which no text can be finished; nothing leads into them. */
  readonly dead: ReadonlySet<Node>;
}

export const EMPTY: Node = { kind: 'empty' };
export const NOTHING: Node = { kind: 'choice', options: [] };

export function terminal(start: TerminalState): Node {
  return { kind: 'terminal', start };
}

export function sequenceOf(...nodes: readonly Node[]): Node {
  return nodes.reduceRight<Node>(
    (behind, first) => (behind === EMPTY ? first : first === EMPTY ? behind : { kind: 'sequence', first, behind }),
    EMPTY,
  );
}

export function choiceOf(options: readonly Node[]): Node {
  const distinct = Array.from(new Set(options));
  return distinct.length === 1 ? distinct[0]! : { kind: 'choice', options: distinct };
}

export function repeatOf(item: Node, minimum: number, maximum: number): RepeatNode {
  return { kind: 'repeat', item, minimum, maximum, counts: new Map() };
}

/** `repeat` with other counts of the same item. */
export function recount(repeat: RepeatNode, minimum: number, maximum: number): RepeatNode {
  if (minimum === repeat.minimum && maximum === repeat.maximum) return repeat;
  const key = `${minimum},${maximum}`;
  let found = repeat.counts.get(key);
  if (found === undefined) {
    found = { ...repeat, minimum, maximum };
    repeat.counts.set(key, found);
  }
  return found;
}

/** The nodes that a node consists of. */
function partsOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'sequence':
      return [node.first, node.behind];
    case 'choice':
      return node.options;
    case 'repeat':
      return [node.item];
    case 'reference':
      return node.target === undefined ? [] : [node.target];
    default:
      return [];
  }
}

/** Whether a text of the node can be finished, if it can for those in `finite`. */
function isFinite(node: Node, finite: ReadonlySet<Node>): boolean {
  switch (node.kind) {
    case 'sequence':
      return finite.has(node.first) && finite.has(node.behind);
    case 'choice':
      return node.options.some((option) => finite.has(option));
    case 'repeat':
      return node.minimum === 0 || finite.has(node.item);
    case 'reference':
      return node.target !== undefined && finite.has(node.target);
    default:
      return true;
  }
}

/** The grammar of a node, with what of it can never be finished found. */
export function grammarOf(root: Node): Grammar {
  const parents = new Map<Node, Node[]>();
  const all: Node[] = [root];
  const seen = new Set<Node>(all);
  for (const node of all) {
    for (const part of partsOf(node)) {
      const known = parents.get(part);
      if (known === undefined) parents.set(part, [node]);
      else known.push(node);
      if (!seen.has(part)) {
        seen.add(part);
        all.push(part);
      }
    }
  }
  const finite = new Set<Node>();
  const queue = all.slice();
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (finite.has(node) || !isFinite(node, finite)) continue;
    finite.add(node);
    queue.push(...(parents.get(node) ?? []));
  }
  return { root, dead: new Set(all.filter((node) => !finite.has(node))) };
}

/** Whether the grammar has no text at all. */
export function isImpossible(grammar: Grammar): boolean {
  return grammar.dead.has(grammar.root);
}

/** Exactly this text. */
export function literal(text: string): Grammar {
  return grammarOf(text === '' ? EMPTY : terminal(textsTerminal([text])));
}

/** One grammar behind the other; a string stands for its literal. */
export function sequence(...parts: readonly (Grammar | string)[]): Grammar {
  return grammarOf(sequenceOf(...parts.map(rootOf)));
}

/** Any one of them. They may begin alike: all that fit so far are followed. */
export function choice(...options: readonly (Grammar | string)[]): Grammar {
  return grammarOf(choiceOf(options.map(rootOf)));
}

/** `minimum` to `maximum` times (default any number) the same grammar. */
export function repeated(part: Grammar | string, minimum = 0, maximum = Infinity): Grammar {
  return grammarOf(repeatOf(rootOf(part), minimum, maximum));
}

/** One special token, such as Mistral's [TOOL_CALLS], which has no bytes in the text. */
export function specialToken(id: number): Grammar {
  return grammarOf(terminal(specialTokenTerminal(id)));
}

/** Any text in valid UTF-8 that ends with `trigger`, which stands nowhere else in it. */
export function textThrough(trigger: string): Grammar {
  return grammarOf(terminal(freeTextTerminal(trigger, 'through')));
}

/** Any text in valid UTF-8 without `trigger` in it; without a trigger any text at all. The empty text too. */
export function textWithout(trigger = ''): Grammar {
  return grammarOf(terminal(freeTextTerminal(trigger, 'without')));
}

function rootOf(part: Grammar | string): Node {
  return typeof part === 'string' ? literal(part).root : part.root;
}
