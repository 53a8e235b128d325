/** Votes in a store for as long as it lives, and prints each vote that was acknowledged, at once: for tests that kill it. */
import { writeSync } from 'node:fs';
import { openLedger } from '../../ledger/index.ts';
import { createLabelling } from '../index.ts';

const ledger = await openLedger(process.argv[2]!);
const { campaigns, queue } = createLabelling(ledger.room);
const campaign = (await campaigns.named('killed'))!;

async function label(name: string): Promise<void> {
  const annotator = ledger.room.hashUser(name);
  for (;;) {
    const [assignment] = (await queue.next(campaign, annotator, 1)).assignments;
    if (assignment === undefined) return;
    const { item, reservation } = assignment;
    const result = await queue.vote({
      campaign,
      itemId: item.id,
      reservationId: reservation.id,
      annotator,
      verdict: 'better',
      betterId: item.answers[0].id,
      edit: { answerId: item.answers[0].id, text: `edited ${item.id}` },
    });
    if (result.kind === 'kept') writeSync(1, `${result.vote.id} ${item.id}\n`);
  }
}

await Promise.all(['a', 'b', 'c'].map(label));
