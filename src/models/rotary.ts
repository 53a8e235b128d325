import { float32Tensor } from '../core/index.ts';
import { cast, concat, constant, cos, mul, rope, sin, slice, unsqueeze, type Node } from '../graph/index.ts';
import type { ModelConfig } from './model-config.ts';
import type { RopeConfig } from './rope.ts';

/** Of the rotary embedding, [T, 1, rotated size / 2]. */
export interface Angles {
  readonly cosine: Node;
  readonly sine: Node;
}

/** cos and sin of position * frequency. */
export function rotaryAngles({ frequencies, scale }: RopeConfig, positions: Node): Angles {
  const radians = mul(
    unsqueeze(cast(positions, 'float32'), -1),
    constant(float32Tensor([1, frequencies.length], frequencies)),
  );
  const scaled = (x: Node): Node => unsqueeze(scale === 1 ? x : mul(x, scale), 1);
  return { cosine: scaled(cos(radians)), sine: scaled(sin(radians)) };
}

/** The angles of each layer, made once for each rope; undefined for a layer that rotates nothing. */
export function layerAngles(
  { rope: shared, layerRopes }: ModelConfig,
  positions: Node,
): (layer: number) => Angles | undefined {
  const known = new Map<RopeConfig, Angles>();
  return (layer) => {
    const own = layerRopes === undefined ? shared : layerRopes[layer];
    if (own === undefined) return undefined;
    const angles = known.get(own) ?? rotaryAngles(own, positions);
    known.set(own, angles);
    return angles;
  };
}

/** Heads [T, H, d] with their first elements rotated, as many as there are angles for; the rest passes as it is (partial rotary embedding). */
export function rotate(heads: Node, angles: Angles | undefined): Node {
  if (angles === undefined) return heads;
  const size = heads.shape.at(-1) as number;
  const rotated = 2 * (angles.cosine.shape.at(-1) as number);
  if (rotated === size) return rope(heads, angles.cosine, angles.sine);
  const first = rope(slice(heads, { axis: -1, start: 0, end: rotated }), angles.cosine, angles.sine);
  return concat([first, slice(heads, { axis: -1, start: rotated, end: size })], -1);
}
