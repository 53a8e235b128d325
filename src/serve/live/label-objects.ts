import type { z } from 'zod';
import type { Unchanging } from '../../api/index.ts';
import type {
  Assignment,
  Ballot,
  Campaign,
  Item,
  LabelFigure,
  Panel,
  Progress,
  VoteRecord,
} from '../../labelling/index.ts';
import type { ASSIGNMENT, BALLOT, CAMPAIGN, FIGURE, PANEL, PROGRESS, REVIEW } from './label-schema.ts';

type Out<S extends z.ZodType> = Unchanging<z.output<S>>;
type Content = Out<typeof ASSIGNMENT>['prompt'];

export function seconds(time: number): number {
  return Math.floor(time / 1000);
}

/** So much of an HMAC tells people of a campaign apart. */
function shortName(hash: string): string {
  return hash.slice(0, 8);
}

function progressObject(progress: Progress): Out<typeof PROGRESS> {
  const { items, done, byStatus, votes, wanted, hoursLeft } = progress;
  return { items, done, by_status: { ...byStatus }, votes, wanted, hours_left: hoursLeft };
}

export interface CampaignFacts {
  readonly progress: Progress;
  readonly guidelines: { readonly version: number; readonly text: string };
  readonly doneByYou: number | undefined;
}

export function campaignObject(
  { id, name, createdAt, isOpen, settings }: Campaign,
  { progress, guidelines, doneByYou }: CampaignFacts,
): Out<typeof CAMPAIGN> {
  const { items, done, votes } = progress;
  return {
    id,
    object: 'preftune.campaign',
    name,
    created_at: seconds(createdAt),
    is_open: isOpen,
    items,
    done,
    votes,
    guidelines: { version: guidelines.version, text: guidelines.text },
    settings,
    progress: progressObject(progress),
    done_by_you: doneByYou ?? null,
  };
}

export function ballotObject(ballot: Ballot): Out<typeof BALLOT> {
  const { verdict, betterId, strength, edit, note, tags = [], flags = [], skipReason } = ballot;
  return {
    verdict,
    better_id: betterId ?? null,
    strength: strength ?? null,
    edit: edit === undefined ? null : { answer_id: edit.answerId, text: edit.text },
    note: note ?? null,
    tags,
    flags,
    skip_reason: skipReason ?? null,
  };
}

/** What a body says, as the queue takes it. */
export function ballotOfBody(body: {
  readonly verdict: Ballot['verdict'];
  readonly better_id?: string | undefined;
  readonly strength?: 1 | 2 | undefined;
  readonly edit?: { readonly answer_id: string; readonly text: string } | undefined;
  readonly note?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly flags?: Ballot['flags'];
  readonly skip_reason?: string | undefined;
  readonly seconds?: number | undefined;
}): Ballot {
  const { verdict, better_id: betterId, strength, edit, note, tags, flags, skip_reason: skipReason } = body;
  return {
    verdict,
    betterId,
    strength,
    edit: edit === undefined ? undefined : { answerId: edit.answer_id, text: edit.text },
    note,
    tags,
    flags,
    skipReason,
    seconds: body.seconds,
  };
}

function contentOf(content: Item['prompt'] | undefined): Content {
  return (content ?? '') as Content;
}

export function assignmentObject({ item, reservation, previous }: Assignment): Out<typeof ASSIGNMENT> {
  const [left, right] = item.answers[0].id === reservation.leftId ? item.answers : item.answers.toReversed();
  return {
    item_id: item.id,
    reservation_id: reservation.id,
    prompt: contentOf(item.prompt),
    left: { id: left!.id, content: contentOf(left!.content) },
    right: { id: right!.id, content: contentOf(right!.content) },
    expires_at: seconds(reservation.expiresAt),
    seconds: reservation.seconds,
    previous: previous === undefined ? null : ballotObject(previous),
  };
}

export function reviewObject(item: Item, votes: readonly VoteRecord[]): Out<typeof REVIEW> {
  return {
    id: item.id,
    object: 'preftune.label_item',
    status: item.status,
    prompt: contentOf(item.prompt),
    answers: item.answers.map(({ id, content, model }) => ({ id, content: contentOf(content), model: model ?? null })),
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

function figureObject({ estimate, interval, of }: LabelFigure): Out<typeof FIGURE> {
  return { value: estimate, interval, of };
}

export function panelObject(panel: Panel, you: string | undefined): Out<typeof PANEL> {
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
    annotators: people.map((person) => ({
      id: shortName(person.annotator),
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
