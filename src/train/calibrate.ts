import { createRandom, int32Tensor, type HostTensor } from '../core/index.ts';
import { abs, graph, input, reduceMax, type Node } from '../graph/index.ts';
import {
  columnsName,
  layerStates,
  packedAttention,
  packedInputs,
  plainDecoder,
  rotaryAngles,
  type ModelConfig,
} from '../models/index.ts';
import type { Device, DeviceTensor, Program } from '../runtime/index.ts';

/** Largest magnitudes of what the projections of a layer read, column by column, under the name of columnsName. */
export type ColumnMaxima = ReadonlyMap<string, Float32Array>;

/** Follows tokens through a model whose weights come one layer at a time, in float32. */
export interface Calibration {
  /** From the embedding: the states before the first layer. */
  begin(embedding: HostTensor): Promise<void>;
  /** With the weights of the layer by their names: the states after it, and what its projections read. */
  layer(index: number, weights: ReadonlyMap<string, HostTensor>): Promise<ColumnMaxima>;
  dispose(): Promise<void>;
}

/** Tokens that are followed, one sequence: their first one makes the largest magnitudes of many models. */
const TOKENS = 256;
const SEED = 20;
const STATES = 'states';

/** The name in layer 0 of a tensor of another layer. */
function inFirstLayer(name: string): string {
  return name.replace(/\.layers\.\d+\./, '.layers.0.');
}

/** The program of any one layer: `states` after it, and the maxima of each input of its projections. */
function layerProgram(device: Device, model: ModelConfig): Promise<Program> {
  const config: ModelConfig = { ...model, layers: 1, slidingWindow: [undefined] };
  const plain = plainDecoder(config);
  const maxima: Record<string, Node> = {};
  const watched = {
    ...plain,
    project: (x: Node, path: string): Node => {
      maxima[columnsName(path)!] ??= reduceMax(abs(x), { axes: [0] });
      return plain.project(x, path);
    },
  };
  const packed = packedInputs();
  const after = layerStates(watched, input(STATES, ['T', config.hiddenSize]), {
    layer: 0,
    angles: rotaryAngles(config, packed.positions),
    attend: packedAttention(config, packed),
  });
  return device.compile(graph({ [STATES]: after, ...maxima }), { label: 'ranges of a layer', keep: [STATES] });
}

/**
 * Follows TOKENS random ids of the vocabulary, so that the result is a function of the weights alone: which columns are large is a
 * matter of the model far more than of the text.
 */
export async function createCalibration(device: Device, config: ModelConfig): Promise<Calibration> {
  const program = await layerProgram(device, config);
  const count = Math.min(TOKENS, config.maxPositions);
  const random = createRandom(SEED, 'calibration tokens');
  const ids = Array.from({ length: count }, () => random.nextInt(config.vocabularySize));
  const whole = (of: (i: number) => number): HostTensor =>
    int32Tensor(
      [count],
      ids.map((_id, i) => of(i)),
    );
  const wanted = new Set(program.inputs.map(({ name }) => name));
  const batch = { positions: whole((i) => i), branches: whole(() => 0), parents: whole(() => 0) };
  let states: DeviceTensor | undefined;
  const follow = async (next: DeviceTensor): Promise<void> => {
    await states?.dispose();
    states = next;
  };
  return {
    begin: async ({ data }) => {
      const width = config.hiddenSize;
      const rows = new Float32Array(count * width);
      ids.forEach((id, i) => rows.set((data as Float32Array).subarray(id * width, (id + 1) * width), i * width));
      await follow(await device.upload({ dtype: 'float32', shape: [count, width], data: rows }, { transfer: true }));
    },
    layer: async (index, weights) => {
      const given = [...weights].map(([name, tensor]) => [inFirstLayer(name), tensor] as const);
      const inputs = Object.entries({ ...batch, [STATES]: states!, ...Object.fromEntries(given) });
      const outputs = await program.run(Object.fromEntries(inputs.filter(([name]) => wanted.has(name))));
      await follow(outputs[STATES] as DeviceTensor);
      return new Map(
        Object.entries(outputs)
          .filter(([name]) => name !== STATES)
          .map(([name, tensor]) => [
            name.replace('.layers.0.', `.layers.${index}.`),
            (tensor as HostTensor).data as Float32Array,
          ]),
      );
    },
    dispose: async () => {
      await states?.dispose();
      await program.dispose();
    },
  };
}
