import { z } from 'zod';
import { FORMATS } from '../data/index.ts';
import { ASKINGS } from '../policy/index.ts';
import { changed, option } from '../options/index.ts';
import { COLUMNS, TEMPLATE_TIME as RUN_TEMPLATE_TIME } from '../specification/index.ts';

/** Options that mean the same in several commands; `changed` gives one another help. */

const count = z.int().min(1);
const text = z.string().min(1);

export const MODEL = option(text, {
  help: 'folder, .gguf file or hub id; MODEL+ADAPTER, RUN, RUN@step-N, RUN@best',
  alias: '-m',
  isCommon: true,
});

export const ADAPTER = option(text.optional(), {
  help: 'PEFT adapter folder, RUN, RUN@step-N or RUN@best',
  isCommon: true,
});

export const TEMPLATE_TIME = changed(RUN_TEMPLATE_TIME, { usually: 'now' });

export const SYSTEM = option(z.string().optional(), { help: 'system message for prompts that have none' });

export const ASK = option(z.enum(ASKINGS).optional(), {
  help: "texts are given as a user's turn in the chat template (chat), or as they stand (raw)",
  usually: 'as the model was trained, else chat',
});

export const OVERWRITE = option(z.boolean().default(false), { help: 'replace the file if it exists' });

export const LENIENT = option(z.boolean().default(false), { help: 'skip and count rows that are wrong' });

export { COLUMNS };

export const FORMAT = option(z.enum(FORMATS.map((format) => format.name) as [string, ...string[]]).optional(), {
  help: 'how rows are written',
  usually: 'detected',
});

export const SEED = option(z.int().min(0).default(0), { help: 'of the draws' });

/** Where models run, and how many rows at once. */
export const MACHINE_SHAPE = {
  batchSize: option(count.default(8), { help: 'prompts answered together', group: 'Machine' }),
  device: option(z.enum(['cpu', 'webgpu', 'cuda']).default('cpu'), {
    help: 'where models run',
    group: 'Machine',
    isCommon: true,
  }),
  threads: option(count.optional(), { help: 'threads of the cpu', usually: "the machine's cores", group: 'Machine' }),
};
