/**
 * npx tsx tools/embedded-model/store-weights.ts MODEL_FOLDER
 *
 * Stores a trained model's weights as the embedded model's, in float16.
 */
import { join } from 'node:path';
import { openModelFiles, writeSafetensors } from '../../src/formats/index.ts';

const folder = process.argv[2];
if (folder === undefined) throw new Error('store-weights: name the folder of the trained model');
const files = await openModelFiles(folder);
const target = join(import.meta.dirname, '..', '..', 'assets', 'embedded-model', 'model.safetensors');
const tensors = [...files.checkpoint.entries.values()].map(({ name, shape }) => ({
  name,
  shape,
  read: () => files.checkpoint.readFloat32(name),
}));
await writeSafetensors(target, tensors, { type: 'F16', metadata: { format: 'pt' } });
await files.close();
