import type { Problem } from '../core/index.ts';
import { hasPromptLimit, nameOfRules, type TextMode, type TrlRules } from '../data/index.ts';
import type { CompatibilityMode, ResolvedObjective } from '../objectives/index.ts';
import { idleProblem } from '../options/index.ts';

/** Losses that TRL trains with CPOTrainer or ORPOTrainer. */
const OF_CPO: ReadonlySet<string> = new Set(['cpo', 'simpo', 'orpo']);

/**
 * Whose tokens a mode asks for with an objective; undefined where they are preftune's. A loss that TRL does not have gets those of the
 * trainer of its rows: DPOTrainer's for pairs, KTOTrainer's for single answers.
 */
export function trlRulesOf(
  compat: CompatibilityMode | undefined,
  { kind, terms }: Pick<ResolvedObjective, 'kind' | 'terms'>,
): TrlRules | undefined {
  if (compat === undefined || compat === 'original' || kind === 'ranking') return undefined;
  if (kind === 'unpaired') return { version: compat, trainer: 'kto' };
  return { version: compat, trainer: terms.some(({ loss }) => OF_CPO.has(loss.name)) ? 'cpo' : 'dpo' };
}

/** Limits that the rules do not have, and rows of texts in a template, which no trainer of TRL puts there. */
export function trlProblems(
  rules: TrlRules | undefined,
  { maxPromptLength, textRows }: { readonly maxPromptLength?: number | undefined; readonly textRows?: TextMode },
): Problem[] {
  if (rules === undefined) return [];
  const problems: Problem[] =
    textRows === 'chat'
      ? [
          {
            path: 'textRows',
            message: `--text-rows must be raw with --compat ${rules.version}, got chat: ${nameOfRules(rules)} trains texts as they stand; leave one of them out`,
          },
        ]
      : [];
  if (maxPromptLength === undefined || hasPromptLimit(rules)) return problems;
  return [
    ...problems,
    idleProblem('maxPromptLength', `with --compat ${rules.version}: ${nameOfRules(rules)} has no such limit`),
  ];
}
