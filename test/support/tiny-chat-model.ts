import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from '../../src/core/index.ts';
import { writeModelFolder } from '../../src/formats/index.ts';
import { parameterSpecs, parseModelConfig } from '../../src/models/index.ts';

const EMBEDDED = join(import.meta.dirname, '..', '..', 'assets', 'embedded-model');

async function json(name: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(EMBEDDED, name), 'utf8')) as Record<string, unknown>;
}

/** Writes a two-layer model with random weights and the embedded model's tokenizer and template: it talks nonsense, quickly. */
export async function writeTinyChatModel(folder: string): Promise<void> {
  const config = { ...(await json('config.json')), num_hidden_layers: 2, max_position_embeddings: 128 };
  await writeModelFolder(folder, {
    config,
    generationConfig: await json('generation_config.json'),
    tokenizerFilesToCopy: ['tokenizer.json', 'tokenizer_config.json'].map((name) => join(EMBEDDED, name)),
    tensors: parameterSpecs(parseModelConfig(config)).map(({ name, shape }) => ({
      name,
      shape,
      read: () => {
        const random = createRandom(1, name);
        const size = shape.reduce((product, dim) => product * dim, 1);
        return Promise.resolve(
          Float32Array.from({ length: size }, () => 0.1 * random.nextNormal() + (shape[1] ? 0 : 1)),
        );
      },
    })),
  });
}
