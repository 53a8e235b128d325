import type { Decoder } from '../models/index.ts';
import type { Graph } from '../graph/index.ts';
import type { Device, DeviceTensor } from '../runtime/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { createBatch, type Batch } from './batch.ts';
import { compileCachePrograms, type CachePrograms } from './cache.ts';
import { createCounted, createSharing } from './sharing.ts';
import { compileStep, type StepProgram, type StepWeights } from './step-program.ts';

/** What answers requests: a model, or an adapter on it. It stays until the last request that names it has ended. */
export interface Responder {
  /** The name of the model, and of the adapter where it is one. */
  readonly model: string;
  readonly adapter: string | undefined;
  readonly decoder: Decoder;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'stopIds'>;
  readonly batch: Batch;
  /** Of its own tensors on the device, caches left out. */
  readonly bytes: number;
  /** Whether it was removed and takes no more requests. */
  readonly isLeaving: boolean;
  /** Of one more request, and of one that has ended. */
  hold(): void;
  release(): Promise<void>;
  /** Its weights have changed: what depends on them is computed again. Between two steps. */
  refresh(): Promise<void>;
  /** Takes no more requests; resolves when the last one has ended and its memory is given back. */
  leave(): Promise<void>;
}

export interface ResponderParts {
  readonly model: string;
  readonly adapter?: string;
  readonly decoder: Decoder;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'stopIds'>;
  /** Those who have the same key share a program. */
  readonly programKey: string;
  readonly source: () => Graph;
  readonly weights: StepWeights;
  readonly constants?: ReadonlyMap<string, DeviceTensor> | undefined;
  /** Of `weights`, what is its own. */
  readonly ownBytes: number;
  /** Gives its tensors back. */
  readonly free: () => Promise<void>;
}

export interface ResponderSettings {
  readonly stepTokens: number;
  readonly keepsPrefix: boolean;
  readonly stepScores: number;
}

/** Opens responders on one device, whose programs are shared. */
export interface ResponderFactory {
  /** Those that are there, leaving ones among them. */
  readonly all: ReadonlySet<Responder>;
  /** Compiled steps. */
  readonly programs: number;
  open(parts: ResponderParts): Promise<Responder>;
}

export function createResponderFactory(device: Device, settings: ResponderSettings): ResponderFactory {
  const steps = createSharing<StepProgram>();
  const caches = createSharing<CachePrograms>();
  const all = new Set<Responder>();
  const open = async (parts: ResponderParts): Promise<Responder> => {
    const { model, adapter, decoder, tokenizer, weights, constants } = parts;
    const { config } = decoder;
    const taken: { release(): Promise<void> }[] = [];
    const letGo = async (): Promise<void> => {
      for (const one of taken.toReversed()) await one.release();
    };
    try {
      const compile = (): Promise<StepProgram> =>
        compileStep(device, parts.source(), { weights: new Set(weights.keys()), constants });
      const program = await steps.take(parts.programKey, compile);
      taken.push(program);
      const shape = `${config.keyValueHeads} ${config.headSize}`;
      const programs = await caches.take(shape, () => compileCachePrograms(device, config));
      taken.push(programs);
      const step = await program.value.bind(weights);
      taken.push({ release: () => step.dispose() });
      const batch = createBatch({ device, config, step, programs: programs.value, ...settings });
      let isLeaving = false;
      const counted = createCounted(async () => {
        all.delete(responder);
        await batch.dispose();
        await letGo();
        await parts.free();
      });
      const responder: Responder = {
        model,
        adapter,
        decoder,
        tokenizer,
        batch,
        bytes: parts.ownBytes + step.derivedBytes,
        get isLeaving() {
          return isLeaving;
        },
        hold: counted.hold,
        release: counted.release,
        refresh: async () => {
          await batch.forget();
          await step.refresh();
        },
        leave: () => {
          if (!isLeaving) void counted.release();
          isLeaving = true;
          return counted.ended;
        },
      };
      all.add(responder);
      return responder;
    } catch (error) {
      await letGo();
      throw error;
    }
  };
  return {
    all,
    get programs() {
      return steps.size;
    },
    open,
  };
}
