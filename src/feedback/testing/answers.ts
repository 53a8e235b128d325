import type { Ledger } from '../../ledger/index.ts';

export interface GivenAnswer {
  readonly id: string;
  readonly user?: string;
  readonly episode?: string;
  readonly prompt?: string;
  /** The choices. */
  readonly answers?: readonly string[];
  readonly model?: string;
  readonly version?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly store?: boolean;
  readonly createdAt?: number;
}

/** An answer in the store, as the server leaves it there. */
export async function answered(ledger: Ledger, given: GivenAnswer): Promise<void> {
  const { id, user, episode, prompt = 'What is a comet?', answers = ['Ice and dust.'], model = 'prod' } = given;
  await ledger.inferences.begin({
    id,
    createdAt: given.createdAt ?? ledger.room.now(),
    route: 'chat',
    requestedModel: model,
    versionId: given.version ?? 'tiny@1',
    backend: 'engine',
    user,
    episodeId: episode,
    metadata: given.metadata,
    parameters: {},
    request: { messages: [{ role: 'user', content: prompt }] },
    store: given.store,
  });
  await ledger.inferences.finish(id, {
    status: 'complete',
    finishReasons: answers.map(() => 'stop'),
    totalMs: 1,
    response: {
      id,
      choices: answers.map((content, index) => ({
        index,
        message: { role: 'assistant', content },
        finish_reason: 'stop',
      })),
    },
  });
}
