import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openLedger } from '../index.ts';

export interface KillRound {
  /** What the child had printed, that is, what was acknowledged. */
  readonly acknowledged: number;
  /** Of that, what is not there any more, or there again. */
  readonly lost: readonly string[];
  /** What `store check` says. */
  readonly problems: readonly string[];
}

/** Starts a writer in the store, kills it (SIGKILL) after it has printed so many lines, and compares the store with what it printed. */
export async function killOnce(folder: string, run: string, afterLines: number): Promise<KillRound> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'writer.ts'), folder, run, '8'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === afterLines) child.kill('SIGKILL');
  }
  if (lines.length < afterLines) throw new Error(`the writer ended by itself: ${errors}`);
  const ledger = await openLedger(folder, { log: 'text' });
  try {
    const removed = new Set(lines.filter((line) => line.startsWith('removed')).map((line) => line.split(' ')[1]!));
    const noted = new Set<string>();
    for (let after: string | undefined; ;) {
      const { items, hasMore } = await ledger.audit.list({ limit: 500, order: 'desc', after });
      for (const { subject } of items) noted.add(String(subject));
      if (!hasMore || items.length === 0) break;
      after = String(items.at(-1)!.id);
    }
    const lost: string[] = [];
    for (const line of lines) {
      const [what, id] = line.split(' ') as [string, string];
      if (what === 'noted') {
        if (!noted.has(id)) lost.push(line);
        continue;
      }
      const kept = await ledger.inferences.get(id);
      // One that was being removed may be gone already.
      const mayBeGone = removed.has(id) || (kept === undefined && Number(id.split('-').at(-1)) % 30 === 29);
      if (what === 'removed' ? kept !== undefined : kept === undefined && !mayBeGone) lost.push(line);
      if (what === 'finished' && kept !== undefined && JSON.stringify(kept.response) !== `{"text":"answer ${id}"}`)
        lost.push(`${line} without its text`);
    }
    const { problems } = await ledger.check();
    return { acknowledged: lines.length, lost, problems: problems.map(({ message }) => message) };
  } finally {
    await ledger.close();
  }
}
