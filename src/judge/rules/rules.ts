import { badInput } from '../../core/index.ts';
import type { Content } from '../../data/index.ts';
import { answerText, promptText } from '../content-text.ts';
import type { InstructionContext } from './instruction-checks.ts';
import { NO_USAGE } from '../../ask/index.ts';
import type { CompareOptions, Judge } from '../judge.ts';
import { createCodeMeasure, type CodeRule } from './rules-code.ts';
import { createInstructionMeasure, parseInstructions } from './rules-instructions.ts';
import { createTextMeasure, type Measurement, type TextRule, type TextRuleOptions } from './rules-text.ts';

/** Instructions that code can verify, as IFEval names them; the same for every prompt. */
export interface InstructionRule {
  readonly kind: 'instructions';
  /** Each with its name as `id` and its arguments beside it: {"id": "punctuation:no_comma"}. */
  readonly instructions: readonly Readonly<Record<string, unknown>>[];
  /** Whether what a greeting, a last line or emphasis breaks counts as followed. */
  readonly loose?: boolean;
}

/** What code can say of an answer. */
export type Rule = TextRule | InstructionRule | CodeRule;

export interface RuleOptions extends TextRuleOptions, InstructionContext {}

/** Gives an answer a number; more is better. */
export interface Scorer {
  readonly name: string;
  score(answer: Content): number;
}

/** A rule for single answers: how each fares, and whether the rule holds. */
export interface RuleCheck {
  readonly name: string;
  check(answer: Content, prompt: Content, options?: CompareOptions): Promise<Measurement>;
}

/**
 * The rule as a score: 1 or 0 for what holds or not, the share of texts or instructions, minus the length, the banned words, or the distance from a band. Throws
 * bad-input for a pattern or schema that is none, and for code, which takes its time: use createRuleCheck.
 */
export function createScorer(rule: Exclude<Rule, CodeRule>, options: RuleOptions = {}): Scorer {
  const measure = measureOf(rule, options);
  return { name: rule.kind, score: (answer) => measure(answerText(answer)).score };
}

/** The rule as a check of single answers. Throws as createScorer does. */
export function createRuleCheck(rule: Rule, options: RuleOptions & { readonly name?: string } = {}): RuleCheck {
  const { name = rule.kind } = options;
  if (rule.kind === 'code') {
    const measure = createCodeMeasure(rule);
    return {
      name,
      check: (answer, prompt, { signal } = {}) => measure(answerText(answer), promptText(prompt), signal),
    };
  }
  const measure = measureOf(rule, options);
  return { name, check: async (answer) => measure(answerText(answer)) };
}

/** A judge who takes the answer with the higher score; equal scores are a tie. Confidence is 1. */
export function createRuleJudge(rule: Rule, name: string = rule.kind, options: RuleOptions = {}): Judge {
  const { check } = createRuleCheck(rule, options);
  return {
    name,
    identity: JSON.stringify({ kind: 'rule', rule }),
    async compare({ prompt, a, b }, asked) {
      const [one, other] = await Promise.all([check(a, prompt, asked), check(b, prompt, asked)]);
      const verdict = isNear(rule, one.score, other.score) ? 'tie' : one.score > other.score ? 'a' : 'b';
      const rationale = `${rule.kind}: ${one.evidence} against ${other.evidence}`;
      return { kind: 'verdict', judge: name, verdict, confidence: 1, rationale, calls: [], usage: NO_USAGE };
    },
  };
}

function measureOf(rule: Exclude<Rule, CodeRule>, options: RuleOptions): (text: string) => Measurement {
  if (rule.kind !== 'instructions') return createTextMeasure(rule, options);
  const { instructions, loose = false } = rule;
  if (instructions.length === 0) throw badInput('judge: instructions must be one or more, got none');
  const parsed = parseInstructions(
    {
      instruction_id_list: instructions.map(({ id }) => id),
      kwargs: instructions.map(({ id: _id, ...kwargs }) => kwargs),
    },
    'judge',
  );
  return createInstructionMeasure(parsed, { loose, detectLanguage: options.detectLanguage });
}

/** A length's tolerance is a share of the longer; that of grades and sentiment is in their unit. */
function isNear(rule: Rule, one: number, other: number): boolean {
  const distance = Math.abs(one - other);
  if (rule.kind === 'length') return distance <= (rule.tolerance ?? 0) * Math.max(Math.abs(one), Math.abs(other));
  return distance <= ('tolerance' in rule ? (rule.tolerance ?? 0) : 0);
}
