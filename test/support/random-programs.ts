import fc from 'fast-check';
import { createRandom, float32Tensor, type HostTensor } from '../../src/core/index.ts';
import * as g from '../../src/graph/index.ts';
import type { Graph, Node } from '../../src/graph/index.ts';

/** One step of a random program: an operation over values made before, by number. */
export interface Step {
  readonly operation: number;
  readonly left: number;
  readonly right: number;
}

/** What steps choose from. Operations on values of rank 2; one that does not fit its shapes throws and is left out. */
export interface Operations {
  readonly unary: readonly ((x: Node) => Node)[];
  readonly binary: readonly ((a: Node, b: Node) => Node)[];
}

const STEP = fc.record({ operation: fc.nat(1000), left: fc.nat(1000), right: fc.nat(1000) });

export function programs(minLength: number, maxLength: number): fc.Arbitrary<Step[]> {
  return fc.array(STEP, { minLength, maxLength });
}

/** The inputs of every program; T is 4. */
const SHAPES = { x: ['T', 3], w: [3, 2], row: [1, 3], column: ['T', 1] } as const;

export function programInputs(): Node[] {
  return Object.entries(SHAPES).map(([name, shape]) => g.input(name, shape));
}

/** Values for those inputs that a graph reaches, standard normal, each passed through `map`. */
export function programValues(
  source: Graph,
  seed: number,
  map: (z: number) => number = (z) => z,
): Record<string, HostTensor> {
  const random = createRandom(seed);
  const reached = new Set(g.graphInputs(source).map((node) => node.attributes.name));
  const values = Object.entries(SHAPES).flatMap(([name, declared]) => {
    if (!reached.has(name)) return [];
    const shape = g.evaluateShape(declared, { T: 4 });
    const elements = Array.from({ length: shape[0]! * shape[1]! }, () => map(random.nextNormal()));
    return [[name, float32Tensor(shape, elements)] as const];
  });
  return Object.fromEntries(values);
}

function attempt(make: () => Node): Node | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

/** Every value that a program makes, the start included. */
export function runProgram(start: readonly Node[], program: readonly Step[], { unary, binary }: Operations): Node[] {
  const pool = [...start];
  for (const { operation, left, right } of program) {
    const [a, b] = [pool[left % pool.length]!, pool[right % pool.length]!];
    const chosen = operation % (unary.length + binary.length);
    const made = attempt(() => (chosen < unary.length ? unary[chosen]!(a) : binary[chosen - unary.length]!(a, b)));
    if (made !== undefined) pool.push(made);
  }
  return pool;
}
