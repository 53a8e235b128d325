import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/tiny-model.ts';
import { openLedger } from '../ledger/index.ts';
import { CAMPAIGN_SETTINGS, createLabelling } from './index.ts';
import { drafts } from './testing/crowd.ts';

const folder = temporaryFolder();
afterAll(folder.remove);

/** Lets people vote in a process of its own, kills it (SIGKILL) after so many votes, and says which were acknowledged. */
async function killedAfter(votes: number): Promise<string[]> {
  const voter = join(import.meta.dirname, 'testing', 'voter.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', voter, folder.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Its output ends before it is gone, and while it is there the store is its own.
  const gone = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === votes) child.kill('SIGKILL');
  }
  await gone;
  return lines;
}

test(
  'kill -9 in the middle loses no vote that was acknowledged, and nobody votes twice',
  { timeout: 60_000 },
  async () => {
    const first = await openLedger(folder.path);
    const { campaigns } = createLabelling(first.room);
    const campaign = await campaigns.create({
      name: 'killed',
      settings: CAMPAIGN_SETTINGS.parse({ repeat_share: 0 }),
      actor: 'test',
    });
    await campaigns.addItems(campaign.id, drafts(300));
    await first.close();
    const told = await killedAfter(60);
    expect(told.length).toBeGreaterThanOrEqual(60);
    const ledger = await openLedger(folder.path);
    const labelling = createLabelling(ledger.room);
    for (const line of told) {
      const [voteId, itemId] = line.split(' ') as [string, string];
      const votes = await labelling.queue.votesOf(itemId);
      expect(votes.map(({ id, edit }) => [id, edit?.text])).toEqual([[voteId, `edited ${itemId}`]]);
      expect(await labelling.queue.item(itemId)).toMatchObject({ votes: 1, status: 'settled' });
    }
    const { byStatus } = await labelling.progress(campaign);
    // One of each of three people, at most, was on the disk and not yet told.
    expect(byStatus.settled! - told.length).toBeLessThanOrEqual(3);
    expect((await ledger.check()).problems).toEqual([]);
    await ledger.close();
  },
);
