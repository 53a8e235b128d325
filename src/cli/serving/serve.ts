import { z } from 'zod';
import { readFileSync } from 'node:fs';
import { changed, metaOf, option } from '../../options/index.ts';
import { SERVE_SHAPE, serveProblems, startServer } from '../../serve/index.ts';
import { MACHINE_SHAPE, MODEL, TEMPLATE_TIME } from '../common-options.ts';
import { defineCommand } from '../frame/command.ts';
import { requireModels } from '../require-models.ts';
import { resolveLoading } from '../resolve-loading.ts';

const OPTIONS = z.strictObject({
  model: option(MODEL.optional(), { ...metaOf(MODEL)! }),
  ...SERVE_SHAPE,
  templateTime: TEMPLATE_TIME,
  batchSize: changed(MACHINE_SHAPE.batchSize, { help: 'answers under way at once' }),
  device: MACHINE_SHAPE.device,
  threads: MACHINE_SHAPE.threads,
});

/** `preftune serve`: answers OpenAI's API until Ctrl-C. */
export const SERVE = defineCommand({
  name: 'serve',
  description: "Answers OpenAI's API: chats, adapters that come and go, fine-tuning jobs; remembers what it answered",
  examples: [
    { does: 'a model for this machine alone', words: '--model HuggingFaceTB/SmolLM2-135M-Instruct' },
    { does: 'a model and the adapter of a run, as friendly', words: '--model model.gguf --adapter friendly=run' },
  ],
  options: OPTIONS,
  takesConfig: true,
  check: (options, { environment, given }) => serveProblems(options, { environment, given }),
  async run(options, context) {
    const { terminal, signal, environment } = context;
    if (options.model !== undefined) requireModels([{ model: options.model }], context);
    const server = await startServer({
      settings: options,
      ledger: undefined,
      environment,
      resolve: resolveLoading(context),
      onNote: terminal.warn,
      version: ownVersion(),
    });
    const { url } = server;
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
    try {
      const outcome = await Promise.race([server.ready.then(() => 'ready' as const), stopped]);
      terminal.close();
      if (outcome === 'ready') {
        const names = server.book.list().map(({ name }) => name);
        terminal.result({ url, models: names }, `${names.join(', ')} at ${url}/v1 (Ctrl-C stops)`);
        await stopped;
      }
    } finally {
      await server.close();
    }
  },
});

function ownVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
