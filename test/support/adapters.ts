import { join } from 'node:path';
import { createRandom } from '../../src/core/index.ts';
import { writeAdapterFolder } from '../../src/formats/index.ts';

/** A PEFT adapter of rank 4 for the embedded model, with values that depend on the seed: its greedy answers are its own. Returns the folder. */
export async function writeSeededAdapter(folder: string, seed: number): Promise<string> {
  const random = createRandom(seed, 'adapter');
  const values = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.nextFloat() - 0.5);
  const path = join(folder, `adapter-${seed}`);
  const module = 'base_model.model.model.layers.3.mlp.down_proj';
  const [inner, hidden, rank] = [512, 192, 4];
  await writeAdapterFolder(path, {
    config: { peft_type: 'LORA', r: rank, lora_alpha: rank, target_modules: ['down_proj'], layers_to_transform: [3] },
    tensors: [
      { name: `${module}.lora_A.weight`, shape: [rank, inner], read: async () => values(rank * inner) },
      { name: `${module}.lora_B.weight`, shape: [hidden, rank], read: async () => values(hidden * rank) },
    ],
  });
  return path;
}
