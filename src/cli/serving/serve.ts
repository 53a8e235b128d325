import { openLedger } from '../../ledger/index.ts';
import { SERVE_SETTINGS, serveProblems, startServer, type RunningServer } from '../../serve/index.ts';
import { defineCommand } from '../frame/command.ts';
import type { Terminal } from '../frame/terminal.ts';
import { ownVersion } from '../frame/own-version.ts';
import { requireModels } from '../require-models.ts';
import { resolveLoading } from '../resolve-loading.ts';

/** `preftune serve`: answers OpenAI's API until Ctrl-C. */
export const SERVE = defineCommand({
  name: 'serve',
  description: "Answers OpenAI's API: chats, adapters that come and go, fine-tuning jobs; remembers what it answered",
  examples: [
    { does: 'a model for this machine alone', words: '--model HuggingFaceTB/SmolLM2-135M-Instruct' },
    { does: 'a model and the adapter of a run, as friendly', words: '--model model.gguf --adapter friendly=run' },
  ],
  options: SERVE_SETTINGS,
  takesConfig: true,
  check: (options, { environment, given }) => serveProblems(options, { environment, given }),
  async run(options, context) {
    const { terminal, signal, environment } = context;
    if (options.model !== undefined) requireModels([{ model: options.model }], context);
    const ledger =
      options.store === 'none'
        ? undefined
        : await openLedger(options.store, {
            log: options.log,
            redacts: options.redact,
            retention: {
              textDays: options.textDays,
              metadataDays: options.metadataDays,
              feedbackDays: options.feedbackDays,
            },
          });
    try {
      const server = await startServer({
        settings: options,
        ledger,
        command: [process.execPath, ...process.execArgv, process.argv[1]!],
        environment,
        resolve: resolveLoading(context),
        onNote: terminal.warn,
        version: ownVersion(),
      });
      try {
        await answerUntil(signal, server, terminal);
      } finally {
        await server.close();
      }
    } finally {
      await ledger?.close();
    }
  },
});

/** Tells where the models answer, when they do, and waits for the end. */
async function answerUntil(
  signal: AbortSignal,
  { url, ready, book, pageUrl }: RunningServer,
  terminal: Terminal,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
  const isReady = await Promise.race([ready.then(() => true), stopped.then(() => false)]);
  terminal.close();
  if (!isReady) return;
  const names = book.list().map(({ name }) => name);
  const page = await pageUrl();
  terminal.result(
    { url, models: names, page },
    `${names.join(', ')} at ${url}/v1 (Ctrl-C stops)\n${page} is the page${page.includes('/login/') ? '; this link signs in once, within an hour' : ''}`,
  );
  await stopped;
}
