import { add, div, mul, silu, tanh, type Node } from '../graph/index.ts';
import type { Activation } from './model-config.ts';

/** 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). Source: Hendrycks and Gimpel 2016, section 2. */
function geluTanh(x: Node): Node {
  const cubic = add(x, mul(mul(mul(x, x), x), 0.044715));
  return mul(mul(x, 0.5), add(tanh(mul(cubic, Math.sqrt(2 / Math.PI))), 1));
}

const FUNCTIONS = { silu, gelu_tanh: geluTanh } as const satisfies Record<Activation, (x: Node) => Node>;

/** An activation, element by element. */
export function activate(name: Activation, x: Node): Node {
  return FUNCTIONS[name](x);
}

/** c tanh(x / c), which stays within -c and c; x itself where there is no cap. Source: Gemma Team 2024 (Gemma 2), section 2. */
export function softCapped(x: Node, cap: number | undefined): Node {
  return cap === undefined ? x : mul(tanh(div(x, cap)), cap);
}
