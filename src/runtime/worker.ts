/** The thread that owns ONNX Runtime: does the host's requests one after the other, since a run blocks the thread it is on. */
import { parentPort } from 'node:worker_threads';
import { internal, messageOf, unreachable, type HostTensor } from '../core/index.ts';
import { onnxRuntime } from './onnxruntime.ts';
import type { FromWorker, Replies, Request, ToWorker } from './messages.ts';
import { ProgramStore } from './worker-programs.ts';
import { TensorStore } from './worker-tensors.ts';

interface State {
  readonly tensors: TensorStore;
  readonly programs: ProgramStore;
}

const port = parentPort ?? unreachable(undefined as never);
const skipped = new Set<number>();
let state: State | undefined;
let closing = false;
let queue: Promise<void> = Promise.resolve();

function opened(): State {
  if (state === undefined) throw internal('the device is not open');
  return state;
}

async function perform(request: Request): Promise<Replies[keyof Replies]> {
  switch (request.type) {
    case 'open': {
      onnxRuntime().env.logLevel = request.logLevel;
      const tensors = new TensorStore(request.device, request.threads);
      state = { tensors, programs: new ProgramStore(request.device, request.threads, tensors) };
      return null;
    }
    case 'compile':
      await opened().programs.compile(request);
      return null;
    case 'run':
      return opened().programs.run(request);
    case 'endProfile':
      return opened().programs.endProfile(request.program);
    case 'releaseProgram':
      await opened().programs.release(request.program);
      return null;
    case 'upload':
      await opened().tensors.upload(request.handle, request.tensor);
      return null;
    case 'write':
      await opened().tensors.write(request.handle, request.tensor);
      return null;
    case 'read':
      return opened().tensors.read(request.handle);
    case 'free':
      for (const handle of request.handles) opened().tensors.free(handle);
      return null;
    case 'memory':
      return { poolBytes: opened().tensors.poolBytes, loadedSessions: opened().programs.loadedSessions };
    case 'close':
      await state?.programs.clear();
      state?.tensors.clear();
      return null;
    default:
      return unreachable(request);
  }
}

/** The buffers of a reply that need not stay here. */
function buffersOf(reply: Replies[keyof Replies]): ArrayBuffer[] {
  if (reply === null || typeof reply === 'string') return [];
  const tensors: readonly HostTensor[] =
    'outputs' in reply ? Object.values(reply.outputs) : 'data' in reply ? [reply] : [];
  return [...new Set(tensors.map(({ data }) => data.buffer))];
}

async function answer(id: number, request: Request): Promise<void> {
  if (skipped.delete(id) || (closing && request.type !== 'close')) return;
  let message: FromWorker;
  let transfer: ArrayBuffer[] = [];
  try {
    const reply = await perform(request);
    transfer = buffersOf(reply);
    message = { id, reply };
  } catch (error) {
    message = { id, error: messageOf(error) };
  }
  port.postMessage(message, transfer);
}

port.on('message', (message: ToWorker) => {
  if ('cancel' in message) {
    skipped.add(message.cancel);
    return;
  }
  if (message.request.type === 'close') closing = true;
  queue = queue.then(() => answer(message.id, message.request));
});
