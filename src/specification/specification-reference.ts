import { ROW_KINDS } from '../data/index.ts';
import { badInput, type Problem } from '../core/index.ts';
import type { ResolvedObjective } from '../objectives/index.ts';
import { idleProblem } from '../options/index.ts';
import type { DpoFields } from './specification-schema.ts';
import { totalStepsOf, type Stage } from './stages.ts';

/** How the reference follows the policy; nothing where it stays the model as it started. */
export type ReferenceUpdate =
  | { readonly kind: 'hard'; readonly every: number }
  | { readonly kind: 'soft'; readonly every: number; readonly mix: number }
  | { readonly kind: 'stepwise'; readonly stages: number };

/** TRL's ref_model_sync_steps and ref_model_mixup_alpha, which are the paper's. */
const [EVERY, MIX] = [512, 0.6];

type Fields = Pick<DpoFields, 'referenceUpdate' | 'referenceEvery' | 'referenceMix' | 'stages'>;

export function referenceUpdateOf(fields: Fields): ReferenceUpdate | undefined {
  const { referenceUpdate: kind, referenceEvery: every = EVERY, referenceMix: mix = MIX, stages } = fields;
  switch (kind) {
    case 'none':
      return undefined;
    case 'hard':
      return { kind, every };
    case 'soft':
      return { kind, every, mix };
    case 'stepwise':
      return { kind, stages: stages! };
  }
}

/** The inverse: options by name. */
export function givenOfReferenceUpdate(update: ReferenceUpdate | undefined): Record<string, unknown> {
  if (update === undefined) return {};
  if (update.kind === 'stepwise') return { referenceUpdate: update.kind, stages: update.stages };
  return {
    referenceUpdate: update.kind,
    referenceEvery: update.every,
    ...(update.kind === 'soft' && { referenceMix: update.mix }),
  };
}

/** What is idle or missing, whatever the objective. */
export function referenceUpdateProblems(fields: Fields & Pick<DpoFields, 'reference'>): Problem[] {
  const { referenceUpdate: kind, referenceEvery, referenceMix, stages, reference } = fields;
  const problems: Problem[] = [];
  const because = kind === 'none' ? 'without --reference-update' : `with --reference-update ${kind}`;
  if (referenceEvery !== undefined && kind !== 'hard' && kind !== 'soft')
    problems.push(idleProblem('referenceEvery', because));
  if (referenceMix !== undefined && kind !== 'soft') problems.push(idleProblem('referenceMix', because));
  if (stages !== undefined && kind !== 'stepwise') problems.push(idleProblem('stages', because));
  if (stages === undefined && kind === 'stepwise')
    problems.push({
      path: 'stages',
      message: '--stages is required with --reference-update stepwise; into how many parts the rows are cut',
    });
  if (stages === 1 && kind === 'stepwise')
    problems.push({
      path: 'stages',
      message: '--stages must be at least 2, got 1; one stage is a run without --reference-update',
    });
  if (reference !== undefined && kind !== 'none')
    problems.push({
      path: 'reference',
      message: `--reference must not be given ${because}, whose reference starts as the policy does; leave one of them out`,
    });
  return problems;
}

/** What does not go with the objective. */
export function movingReferenceProblems(
  { objective, referenceUpdate }: Pick<DpoFields, 'objective' | 'referenceUpdate'>,
  { needsReference, needs, kind }: Pick<ResolvedObjective, 'needsReference' | 'needs' | 'kind'>,
): Problem[] {
  if (referenceUpdate === 'none') return [];
  if (!needsReference) return [idleProblem('referenceUpdate', `with --objective ${objective}, which has no reference`)];
  const refused = (because: string): Problem[] => [
    {
      path: 'referenceUpdate',
      message: `--reference-update must be none with --objective ${objective}, ${because}, got ${referenceUpdate}; leave it out or take another objective`,
    },
  ];
  if (needs.includes('sequentialKl')) return refused('whose reference must be the model under the adapter');
  if (kind !== 'pair') return refused(`which takes ${ROW_KINDS[kind].many}`);
  return [];
}

/** Throws bad-input when the run ends before the first update could change a step. */
export function requireUpdates(update: ReferenceUpdate | undefined, stages: readonly Stage[]): void {
  const total = totalStepsOf(stages);
  if (update === undefined || update.kind === 'stepwise' || update.every < total) return;
  throw badInput({
    path: 'referenceEvery',
    message: `--reference-every must be below the ${total} steps of the run for --reference-update ${update.kind} to have an effect, got ${update.every}; lower it or leave --reference-update out`,
  });
}
