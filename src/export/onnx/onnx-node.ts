import type { OnnxNode } from '../../onnx/index.ts';

/** An operator of ai.onnx, named after its first output. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: OnnxNode['attributes'] = {},
): OnnxNode {
  return { operator, domain: '', name: `${operator}/${outputs[0]}`, inputs, outputs, attributes };
}
