/** Writes into a store for as long as it lives, and prints what was acknowledged, each line at once: for tests that kill it. */
import { writeSync } from 'node:fs';
import { openLedger } from '../index.ts';

const [folder, run, workers] = process.argv.slice(2);
const ledger = await openLedger(folder!, { log: 'text' });
const told = (line: string): void => void writeSync(1, `${line}\n`);

async function work(worker: number): Promise<void> {
  for (let turn = 0; ; turn++) {
    const id = `chatcmpl-${run}-${worker}-${turn}`;
    const start = {
      id,
      createdAt: Date.now(),
      route: 'chat' as const,
      requestedModel: 'prod',
      versionId: 'tiny@1',
      backend: 'engine',
      user: `user ${worker}`,
      metadata: { worker: String(worker) },
      parameters: {},
      request: { messages: [{ role: 'user', content: `question ${id} `.repeat(1 + (turn % 200)) }] },
    };
    const end = { status: 'complete', totalMs: 1, response: { text: `answer ${id}` } } as const;
    // As streams are kept, and as whole answers are.
    if (turn % 2 === 0) {
      await ledger.inferences.begin(start);
      told(`begun ${id}`);
      await ledger.inferences.finish(id, end);
    } else await ledger.inferences.record(start, end);
    told(`finished ${id}`);
    if (turn % 20 === 19) {
      await ledger.audit.append({ actor: 'writer', action: 'note', subject: id });
      told(`noted ${id}`);
    }
    if (turn % 30 === 29 && (await ledger.inferences.remove(id))) told(`removed ${id}`);
  }
}

await Promise.all(Array.from({ length: Number(workers) }, (_, worker) => work(worker)));
