import { messageOf, type JsonValue } from '../../core/index.ts';
import {
  answerExperimentRequest,
  EXPERIMENT_REQUEST,
  openExperiments,
  type Experiments,
} from '../../experiments/index.ts';
import { hourly, type Ledger } from '../../ledger/index.ts';
import type { ModelBook } from '../models/model-book.ts';
import { isLoaded } from './loop-requests.ts';
import { followExperiments } from './loop-watch.ts';

const CLOSE_EVERY_MS = 60_000;

/** The experiments of a store, over the models that answer here; commands that ask for them are answered. */
export async function openLiveExperiments(
  ledger: Ledger,
  { book, onNote }: { readonly book: ModelBook; readonly onNote: (note: string) => void },
): Promise<Experiments> {
  const experiments = await openExperiments(ledger, {
    isLoaded: (model) => isLoaded(book, model),
    targetOf: (alias) => book.find(alias)?.name,
    onNote,
  });
  const context = { now: ledger.room.now, isLoaded: (model: string) => isLoaded(book, model) };
  ledger.room.onRequest('experiments', (asked): Promise<JsonValue> =>
    answerExperimentRequest(experiments, EXPERIMENT_REQUEST.parse(asked), context),
  );
  return experiments;
}

/** Closes units of experiments whose window has ended, and lets candidates follow what that says. What goes wrong is told, and tried again. */
export function closeByTheMinute(
  experiments: Experiments,
  {
    ledger,
    book,
    onNote,
  }: { readonly ledger: Ledger; readonly book: ModelBook; readonly onNote: (note: string) => void },
): { stop(): Promise<void> } {
  return hourly(async () => {
    try {
      await experiments.tick();
      await followExperiments({ ledger, experiments, isLoaded: (model) => isLoaded(book, model), onNote });
    } catch (error) {
      onNote(`units of experiments could not be closed: ${messageOf(error)}`);
    }
  }, CLOSE_EVERY_MS);
}
