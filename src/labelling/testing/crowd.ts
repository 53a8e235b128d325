import { createRandom } from '../../core/index.ts';
import type { LedgerRoom } from '../../ledger/index.ts';
import type { Campaign, ItemDraft, Labelling } from '../index.ts';

/** Drafts whose better answer is known: the one that says `good`. */
export function drafts(count: number, more: Partial<ItemDraft> = {}): ItemDraft[] {
  return Array.from({ length: count }, (_, i) => ({
    prompt: `question ${i}`,
    answers: [
      { content: `good answer ${i}`, model: 'm@1' },
      { content: `bad answer ${i}, and longer`, model: 'm@2' },
    ],
    source: { file: 'rows.jsonl', line: i + 1 },
    ...more,
  }));
}

export interface Person {
  readonly name: string;
  /** How often the good answer is chosen. */
  readonly accuracy: number;
}

/** People who label in turns until nobody is given anything; returns how many votes that were. */
export async function runCrowd(
  { queue }: Labelling,
  room: LedgerRoom,
  {
    campaign,
    people,
    seed = 1,
  }: { readonly campaign: Campaign; readonly people: readonly Person[]; readonly seed?: number },
): Promise<number> {
  const random = createRandom(seed, 'crowd');
  let votes = 0;
  for (let waiting = [...people]; waiting.length > 0;) {
    const person = waiting[random.nextInt(waiting.length)]!;
    const annotator = room.hashUser(person.name);
    const { assignments } = await queue.next(campaign, annotator, 1);
    const [assignment] = assignments;
    if (assignment === undefined) {
      waiting = waiting.filter((other) => other !== person);
      continue;
    }
    const { item, reservation } = assignment;
    const good = item.answers.find(({ content }) => String(content).startsWith('good'))!;
    const bad = item.answers.find((answer) => answer !== good)!;
    await queue.vote({
      campaign,
      itemId: item.id,
      reservationId: reservation.id,
      annotator,
      verdict: 'better',
      betterId: (random.nextFloat() < person.accuracy ? good : bad).id,
    });
    votes++;
    waiting = waiting.length < people.length && !item.gold ? [...people] : waiting;
  }
  return votes;
}
