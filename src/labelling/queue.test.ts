import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/tiny-model.ts';
import { openLedger, type Ledger } from '../ledger/index.ts';
import { CAMPAIGN_SETTINGS, createLabelling, type Assignment, type Campaign, type Labelling } from './index.ts';
import { drafts, runCrowd } from './testing/crowd.ts';

const folder = temporaryFolder();
let time = 1_800_000_000_000;
let ledger: Ledger;
let labelling: Labelling;
beforeAll(async () => {
  ledger = await openLedger(folder.path, { now: () => time });
  labelling = createLabelling(ledger.room);
});
afterAll(async () => {
  await ledger.close();
  folder.remove();
});

let number = 0;
async function campaignOf(
  count: number,
  settings: Partial<typeof CAMPAIGN_SETTINGS._zod.input> = {},
  more: Parameters<typeof drafts>[1] = {},
): Promise<Campaign> {
  const all = CAMPAIGN_SETTINGS.parse({ gold_share: 0, repeat_share: 0, ...settings });
  const campaign = await labelling.campaigns.create({ name: `campaign ${++number}`, settings: all, actor: 'test' });
  await labelling.campaigns.addItems(campaign.id, drafts(count, more));
  return campaign;
}
const who = (name: string): string => ledger.room.hashUser(name);
const take = async (campaign: Campaign, name: string): Promise<Assignment> =>
  (await labelling.queue.next(campaign, who(name), 1)).assignments[0]!;

test('two people at once never hold the same item, and asking again gives the same ones', async () => {
  const campaign = await campaignOf(6);
  const both = await Promise.all(['a', 'b', 'a', 'b'].map((name) => labelling.queue.next(campaign, who(name), 2)));
  const ids = both.map(({ assignments }) => assignments.map(({ item }) => item.id));
  expect([ids[0], ids[1]]).toEqual([ids[2], ids[3]]);
  expect(new Set([...ids[0]!, ...ids[1]!]).size).toBe(4);
  expect(both[0]!.assignments.map(({ reservation }) => reservation.id)).toEqual(
    both[2]!.assignments.map(({ reservation }) => reservation.id),
  );
});

test('nobody gets an item twice; each has exactly the votes that were asked for; the coin is stored and fair', async () => {
  const campaign = await campaignOf(30, { overlap: { kind: 'fixed', votes: 3 } });
  const people = ['a', 'b', 'c', 'd'].map((name) => ({ name, accuracy: 0.9 }));
  expect(await runCrowd(labelling, ledger.room, { campaign, people })).toBe(90);
  const { items } = await labelling.items(campaign, { statuses: ['settled', 'disputed'], limit: 100 });
  expect(items).toHaveLength(30);
  let left = 0;
  for (const item of items) {
    const votes = await labelling.queue.votesOf(item.id);
    expect(new Set(votes.map(({ annotator }) => annotator)).size).toBe(3);
    left += votes.filter(({ leftId }) => leftId === item.answers[0].id).length;
    for (const { leftId } of votes) expect(item.answers.map(({ id }) => id)).toContain(leftId);
  }
  // Of 90 fair coins, fewer than 26 or more than 64 come up once in 20,000.
  expect(left).toBeGreaterThan(25);
  expect(left).toBeLessThan(65);
  expect((await labelling.queue.next(campaign, who('a'), 1)).nothing).toBe('all_done');
});

test('the same vote twice is one; another one on the same item is refused; votes of others are not to be had', async () => {
  const campaign = await campaignOf(2);
  const { item, reservation } = await take(campaign, 'a');
  const ballot = {
    campaign,
    itemId: item.id,
    reservationId: reservation.id,
    annotator: who('a'),
    verdict: 'better',
    betterId: item.answers[1]!.id,
    strength: 2,
    note: 'because ✨',
    tags: ['tone'],
  } as const;
  await expect(labelling.queue.vote({ ...ballot, annotator: who('b') })).rejects.toThrow("must be the caller's own");
  const [first, again] = await Promise.all([labelling.queue.vote(ballot), labelling.queue.vote(ballot)]);
  expect([first.kind, again.kind]).toEqual(['kept', 'again']);
  expect(
    (await labelling.queue.vote({ ...ballot, verdict: 'tie', betterId: undefined, strength: undefined })).kind,
  ).toBe('other');
  expect(await labelling.queue.votesOf(item.id)).toHaveLength(1);
  expect(await labelling.queue.undo(campaign, who('b'))).toBeUndefined();
  const vote = (await labelling.queue.votesOf(item.id))[0]!;
  expect(await labelling.queue.undo(campaign, who('b'), vote.id)).toBeUndefined();
  await expect(
    labelling.queue.vote({
      ...ballot,
      betterId: 'ans_other',
      edit: { answerId: 'x', text: ' ' },
      reservationId: undefined,
    }),
  ).rejects.toThrow(/better: must be the id of one of the item's answers.*\n.*edit\.answer.*\n.*edit\.text/s);
  expect((await labelling.queue.vote({ ...ballot, itemId: 'item_gone' })).kind).toBe('gone');
});

test('undo gives the own item again with what was said, on the same side, and no more than twenty back', async () => {
  const campaign = await campaignOf(30);
  const a = who('a');
  const seen: string[] = [];
  for (let i = 0; i < 25; i++) {
    const { item, reservation } = await take(campaign, 'a');
    await labelling.queue.vote({
      campaign,
      itemId: item.id,
      reservationId: reservation.id,
      annotator: a,
      verdict: 'tie',
      note: `note ${i}`,
    });
    seen.push(item.id);
  }
  const oldest = (await labelling.queue.votesOf(seen[0]!))[0]!;
  expect(await labelling.queue.undo(campaign, a, oldest.id)).toBeUndefined();
  const undone = (await labelling.queue.undo(campaign, a))!;
  expect([undone.item.id, undone.previous?.note, undone.item.status]).toEqual([seen.at(-1), 'note 24', 'open']);
  expect(undone.reservation.leftId).toBe(undone.previous?.leftId);
  const next = await labelling.queue.next(campaign, a, 2);
  expect(next.assignments[0]!.reservation.id).toBe(undone.reservation.id);
  expect(next.assignments[0]!.previous?.note).toBe('note 24');
  for (let i = 0; i < 19; i++) expect(await labelling.queue.undo(campaign, a)).toBeDefined();
  expect((await labelling.queue.undo(campaign, a))?.item.id).toBe(seen[4]);
});

test('what ran out is free; the vote that comes late counts while there is room, and is kept beside where there is none', async () => {
  const campaign = await campaignOf(1);
  const [mine] = (await labelling.queue.next(campaign, who('a'), 1)).assignments;
  expect((await labelling.queue.next(campaign, who('b'), 1)).nothing).toBe('nothing_for_you');
  time += 9 * 60_000;
  expect(await labelling.queue.heartbeat(who('a'), [{ id: mine!.reservation.id, seconds: 100 }])).toHaveLength(1);
  expect(await labelling.queue.heartbeat(who('b'), [{ id: mine!.reservation.id }])).toHaveLength(0);
  time += 9 * 60_000;
  expect((await labelling.queue.next(campaign, who('b'), 1)).assignments).toHaveLength(0);
  time += 2 * 60_000;
  const [theirs] = (await labelling.queue.next(campaign, who('b'), 1)).assignments;
  expect(theirs!.item.id).toBe(mine!.item.id);
  expect(await labelling.queue.heartbeat(who('a'), [{ id: mine!.reservation.id }])).toHaveLength(0);
  const vote = (name: string, reservationId: string) =>
    labelling.queue.vote({
      campaign,
      itemId: mine!.item.id,
      reservationId,
      annotator: who(name),
      verdict: 'both_bad',
      seconds: 86_000,
    });
  const counted = await vote('b', theirs!.reservation.id);
  expect(counted).toMatchObject({ kind: 'kept', vote: { isCounted: true, seconds: 0 }, item: { status: 'settled' } });
  const late = await vote('a', mine!.reservation.id);
  expect(late).toMatchObject({
    kind: 'kept',
    vote: { isCounted: false, seconds: 1300 },
    why: 'the time for it ran out and others have voted meanwhile',
  });
});

test('skipped items do not come back to who skipped them; skipped by three they wait for a decision, as flagged ones do', async () => {
  const campaign = await campaignOf(2);
  const skip = async (name: string): Promise<string> => {
    const { item, reservation } = await take(campaign, name);
    await labelling.queue.vote({
      campaign,
      itemId: item.id,
      reservationId: reservation.id,
      annotator: who(name),
      verdict: 'skip',
      skipReason: 'a language that I do not know',
    });
    return item.id;
  };
  const [first, second] = [await skip('a'), await skip('a')];
  expect(first).not.toBe(second);
  expect((await labelling.queue.next(campaign, who('a'), 1)).nothing).toBe('nothing_for_you');
  expect(await skip('b')).toBe(first);
  expect(await skip('c')).toBe(first);
  const { items } = await labelling.items(campaign, { statuses: ['held'], limit: 10 });
  expect(items.map(({ id }) => id)).toEqual([first]);
  expect((await labelling.queue.adjudicate(campaign, first, 'reopen'))?.status).toBe('open');
  const [again] = (await labelling.queue.next(campaign, who('d'), 1)).assignments;
  expect(again!.item.id).toBe(first);
  const flagged = await labelling.queue.vote({
    campaign,
    itemId: first,
    reservationId: again!.reservation.id,
    annotator: who('d'),
    verdict: 'tie',
    flags: ['pii'],
  });
  expect(flagged).toMatchObject({ item: { status: 'held' } });
  await expect(
    labelling.queue.vote({ campaign, itemId: second, annotator: who('e'), verdict: 'skip' }),
  ).rejects.toThrow('reason: must say why the item is skipped');
  const decided = await labelling.queue.adjudicate(campaign, first, { verdict: 'tie', by: who('boss') });
  expect(decided?.status).toBe('adjudicated');
});

test('adaptive overlap gives an item out until its votes decide, and no further', async () => {
  const campaign = await campaignOf(40, { overlap: { kind: 'adaptive' } });
  const people = Array.from({ length: 6 }, (_, i) => ({ name: `p${i}`, accuracy: 0.8 }));
  const votes = await runCrowd(labelling, ledger.room, { campaign, people });
  const { items } = await labelling.items(campaign, { statuses: ['settled', 'disputed'], limit: 100 });
  expect(items).toHaveLength(40);
  expect(items.reduce((sum, item) => sum + item.votes, 0)).toBe(votes);
  for (const item of items) {
    const said = (await labelling.queue.votesOf(item.id)).map(({ betterId }) => betterId === item.answers[0].id);
    const lead = Math.abs(said.filter(Boolean).length * 2 - said.length);
    expect([item.votes, lead, item.status]).toEqual(
      item.votes < 5 ? [item.votes, 2, 'settled'] : [5, lead, lead === 1 ? 'disputed' : 'settled'],
    );
  }
});

test('gold items and repeats are mixed in at their shares, and a repeat stands the other way round', async () => {
  const campaign = await campaignOf(60, { gold_share: 0.1, repeat_share: 0.1 });
  await labelling.campaigns.addItems(
    campaign.id,
    drafts(10, { gold: 0 }).map((draft) => ({ ...draft, prompt: `gold ${String(draft.prompt)}` })),
  );
  await runCrowd(labelling, ledger.room, { campaign, people: [{ name: 'a', accuracy: 1 }] });
  const panel = await labelling.panel(campaign);
  const [person] = panel.people;
  expect(person!.goldAccuracy.estimate).toBe(1);
  expect(person!.selfAgreement.estimate).toBe(1);
  // Of about 72 turns; both shares are 0.1.
  expect(person!.goldAccuracy.of).toBeGreaterThan(0);
  expect(person!.selfAgreement.of).toBeGreaterThan(0);
  expect(person!.longerShare.estimate).toBe(0);
  const { items } = await labelling.items(campaign, { statuses: ['settled'], limit: 100 });
  expect(items).toHaveLength(60);
  for (const item of items) {
    const votes = await labelling.queue.votesOf(item.id);
    const repeat = votes.find(({ isRepeat }) => isRepeat);
    if (repeat !== undefined) expect(repeat.leftId).not.toBe(votes.find((vote) => vote !== repeat)!.leftId);
    expect(item.votes).toBe(1);
  }
}, 30_000);

test('erasing a person takes the votes and opens what they had decided', async () => {
  const campaign = await campaignOf(3);
  await runCrowd(labelling, ledger.room, { campaign, people: [{ name: 'Erna', accuracy: 1 }] });
  const kinds: unknown[] = [];
  for await (const { kind } of ledger.users.export('Erna')) kinds.push(kind);
  expect(kinds).toEqual(['vote', 'vote', 'vote']);
  await ledger.users.erase('Erna');
  expect((await labelling.progress(campaign)).byStatus).toEqual({ open: 3 });
  expect((await labelling.queue.next(campaign, who('b'), 1)).assignments).toHaveLength(1);
});
