import type { z } from '@hono/zod-openapi';
import { answerText } from '../../judge/index.ts';
import {
  messagesOf,
  type Assignment,
  type Ballot,
  type Campaign,
  type LabelFigure,
  type Item,
  type Panel,
  type Progress,
  type VoteRecord,
} from '../../labelling/index.ts';
import type { BALLOT, CAMPAIGN, FIGURE, ITEM, PANEL, PROGRESS, REVIEW } from './label-schema.ts';

/** What people did themselves. */
export interface Mine {
  readonly votes: number;
  readonly skips: number;
}

export function seconds(time: number): number {
  return Math.floor(time / 1000);
}

/** So much of an HMAC tells people of a campaign apart. */
export function shortName(hash: string): string {
  return hash.slice(0, 8);
}

export function progressObject(progress: Progress): z.output<typeof PROGRESS> {
  const { items, done, byStatus, votes, wanted, hoursLeft } = progress;
  return { items, done, by_status: { ...byStatus }, votes, wanted, hours_left: hoursLeft };
}

export function campaignObject(
  { id, name, createdAt, isOpen, settings, guidelineVersion }: Campaign,
  progress: Progress,
  mine: Mine | undefined,
): z.output<typeof CAMPAIGN> {
  return {
    id,
    object: 'preftune.campaign',
    name,
    created_at: seconds(createdAt),
    is_open: isOpen,
    settings,
    guideline_version: guidelineVersion,
    progress: progressObject(progress),
    mine: mine ?? null,
  };
}

export function ballotObject(ballot: Ballot): z.output<typeof BALLOT> {
  const { verdict, betterId, strength, edit, note, tags = [], flags = [], skipReason } = ballot;
  return {
    verdict,
    better: betterId ?? null,
    strength: strength === undefined ? null : strength === 2 ? 'much' : 'slightly',
    edit: edit === undefined ? null : { answer: edit.answerId, text: edit.text },
    note: note ?? null,
    tags: [...tags],
    flags: [...flags],
    reason: skipReason ?? null,
  };
}

/** What a vote's body says, as the queue takes it. */
export function ballotOfBody(body: {
  readonly verdict: Ballot['verdict'];
  readonly better?: string | undefined;
  readonly strength?: 'slightly' | 'much' | undefined;
  readonly edit?: { readonly answer: string; readonly text: string } | undefined;
  readonly note?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly flags?: Ballot['flags'];
  readonly reason?: string | undefined;
  readonly seconds?: number | undefined;
}): Ballot {
  const { verdict, better, strength, edit, note, tags, flags, reason, seconds: worked } = body;
  return {
    verdict,
    betterId: better,
    strength: strength === undefined ? undefined : strength === 'much' ? 2 : 1,
    edit: edit === undefined ? undefined : { answerId: edit.answer, text: edit.text },
    note,
    tags,
    flags,
    skipReason: reason,
    seconds: worked,
  };
}

/** The item as the person sees it: nothing says where an answer comes from. */
export function itemObject({ item, reservation, previous }: Assignment, campaign: Campaign): z.output<typeof ITEM> {
  const [left, right] = item.answers[0].id === reservation.leftId ? item.answers : item.answers.toReversed();
  return {
    item: item.id,
    reservation: reservation.id,
    prompt: messagesOf(item.prompt).map((message) => ({ ...message })),
    left: { id: left!.id, text: answerText(left!.content ?? '') },
    right: { id: right!.id, text: answerText(right!.content ?? '') },
    expires_at: seconds(reservation.expiresAt),
    seconds: reservation.seconds,
    guideline_version: campaign.guidelineVersion,
    previous: previous === undefined ? null : ballotObject(previous),
  };
}

export function reviewObject(item: Item, votes: readonly VoteRecord[]): z.output<typeof REVIEW> {
  return {
    id: item.id,
    object: 'preftune.label_item',
    status: item.status,
    prompt: messagesOf(item.prompt).map((message) => ({ ...message })),
    answers: item.answers.map(({ id, content, model }) => ({
      id,
      text: answerText(content ?? ''),
      model: model ?? null,
    })),
    gold: item.gold ?? null,
    votes: votes
      .filter(({ undoneAt }) => undoneAt === undefined)
      .map((vote) => ({
        ...ballotObject(vote),
        id: vote.id,
        annotator: vote.source === 'judge' ? vote.annotator : shortName(vote.annotator),
        source: vote.source,
        is_counted: vote.isCounted,
        created_at: seconds(vote.createdAt),
      })),
  };
}

function figureObject({ estimate, interval, of }: LabelFigure): z.output<typeof FIGURE> {
  return { estimate, low: interval?.low ?? null, high: interval?.high ?? null, of };
}

export function panelObject(panel: Panel, you: string | undefined): z.output<typeof PANEL> {
  const { progress, kappas, people, judges } = panel;
  return {
    object: 'preftune.panel',
    progress: progressObject(progress),
    alpha: figureObject(panel.alpha),
    alpha_of_grades: figureObject(panel.alphaOfGrades),
    kappas: kappas.map(({ a, b, kappa }) => ({ a: shortName(a), b: shortName(b), kappa: figureObject(kappa) })),
    gold_accuracy: figureObject(panel.goldAccuracy),
    self_agreement: figureObject(panel.selfAgreement),
    left_share: figureObject(panel.leftShare),
    longer_share: figureObject(panel.longerShare),
    median_seconds: panel.medianSeconds,
    people: people.map((person) => ({
      annotator: shortName(person.annotator),
      is_you: person.annotator === you,
      votes: person.votes,
      skips: person.skips,
      median_seconds: person.medianSeconds,
      gold_accuracy: figureObject(person.goldAccuracy),
      self_agreement: figureObject(person.selfAgreement),
      left_share: figureObject(person.leftShare),
      longer_share: figureObject(person.longerShare),
    })),
    judges: judges.map(({ judge, agreement }) => ({ judge, agreement: figureObject(agreement) })),
  };
}
