import { runFailed } from '../core/index.ts';
import { findNonFinite } from '../formats/index.ts';
import type { DeviceTensor } from '../runtime/index.ts';

/**
 * A tensor on its way to disk. Throws run-failed when an element is not finite: what is saved can always be continued, and a run that has
 * diverged keeps its last good checkpoint.
 */
export async function readFinite(tensor: DeviceTensor, what: string): Promise<Float32Array> {
  const data = (await tensor.read()).data as Float32Array;
  const bad = findNonFinite(data);
  if (bad === undefined) return data;
  throw runFailed(
    `${what} must be finite to be saved, element ${bad.firstIndex} is ${data[bad.firstIndex]}; the weights have diverged, most likely because the learning rate is too high: ` +
      'start again with a lower --learning-rate; checkpoints that were saved are finite',
  );
}
