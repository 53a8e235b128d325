import { BYTES_PER_ELEMENT, badInput, badUsage, elementCount, type DType } from '../core/index.ts';
import { formatShape } from '../graph/index.ts';
import type { Channel } from './channel.ts';
import type { DeviceTensor } from './types.ts';

/** What the host knows of a tensor on the device. */
export interface TensorHandle {
  readonly handle: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly category: string;
  readonly tensor: DeviceTensor;
}

/** The device's tensors as the host sees them: gives out handles and counts bytes. */
export interface TensorTable {
  create(described: { readonly dtype: DType; readonly shape: readonly number[] }, category: string): TensorHandle;
  /** The handle of a tensor; throws bad-usage when it is disposed or another device's. */
  resolve(tensor: DeviceTensor, where: string): TensorHandle;
  residentBytes(): Record<string, number>;
}

export function createTensorTable(channel: Channel): TensorTable {
  const handles = new Map<DeviceTensor, TensorHandle>();
  let nextHandle = 1;

  const resolve: TensorTable['resolve'] = (tensor, where) => {
    const found = handles.get(tensor);
    if (found === undefined) {
      throw badUsage(`${where}: must be a living tensor of this device, got one that is disposed or of another device`);
    }
    return found;
  };

  const create: TensorTable['create'] = ({ dtype, shape }, category) => {
    const handle = nextHandle++;
    const tensor: DeviceTensor = {
      dtype,
      shape: Object.freeze([...shape]),
      sizeBytes: elementCount(shape) * BYTES_PER_ELEMENT[dtype],
      read: async () => channel.send<'read'>({ type: 'read', handle: resolve(tensor, 'read').handle }),
      async write(given) {
        resolve(tensor, 'write');
        if (given.dtype !== dtype || formatShape(given.shape) !== formatShape(shape)) {
          const got = `${given.dtype} ${formatShape(given.shape)}`;
          throw badInput(`write: the tensor must be ${dtype} ${formatShape(shape)}, got ${got}`);
        }
        await channel.send<'write'>({ type: 'write', handle, tensor: given });
      },
      async dispose() {
        if (handles.delete(tensor)) await channel.release({ type: 'free', handles: [handle] });
      },
    };
    const entry: TensorHandle = { handle, dtype, shape: tensor.shape, category, tensor };
    handles.set(tensor, entry);
    return entry;
  };

  return {
    create,
    resolve,
    residentBytes() {
      const bytes: Record<string, number> = {};
      for (const { category, tensor } of handles.values()) bytes[category] = (bytes[category] ?? 0) + tensor.sizeBytes;
      return bytes;
    },
  };
}
