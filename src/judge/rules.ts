import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { badInput, messageOf, unreachable } from '../core/index.ts';
import type { Content } from '../data/index.ts';
import { answerText } from './content-text.ts';
import { NO_USAGE, type Judge } from './judge.ts';

/** A property of an answer that code can check. */
export type Rule =
  /** Fewer or more characters (UTF-16 units) or words. Lengths within `tolerance` (a share of the longer) are equal; default 0. */
  | {
      readonly kind: 'length';
      readonly prefer: 'shorter' | 'longer';
      readonly unit?: 'characters' | 'words';
      readonly tolerance?: number;
    }
  /** The share of `texts` that are in the answer; with `any`, whether one is. */
  | {
      readonly kind: 'contains';
      readonly texts: readonly string[];
      readonly any?: boolean;
      readonly ignoreCase?: boolean;
    }
  /** Whether a regular expression matches; with `unwanted`, whether it does not. */
  | { readonly kind: 'pattern'; readonly pattern: string; readonly flags?: string; readonly unwanted?: boolean }
  /** Whether the answer is JSON, and valid by the schema if there is one (draft 7 or 2020-12). */
  | { readonly kind: 'json'; readonly schema?: Readonly<Record<string, unknown>> }
  /** How seldom these words occur, as whole words whatever their case. */
  | { readonly kind: 'banned'; readonly words: readonly string[] };

/** Gives an answer a number; more is better. */
export interface Scorer {
  readonly name: string;
  score(answer: Content): number;
}

/** The rule as a score: 1 or 0 for what holds or not, the share of texts, minus the length, minus the banned words. Throws bad-input for a pattern or schema that is none. */
export function createScorer(rule: Rule): Scorer {
  const score = scoreOf(rule);
  return { name: rule.kind, score: (answer) => score(answerText(answer)) };
}

/** A judge who takes the answer with the higher score; equal scores are a tie. */
export function createRuleJudge(rule: Rule, name: string = rule.kind): Judge {
  const scorer = createScorer(rule);
  const tolerance = rule.kind === 'length' ? (rule.tolerance ?? 0) : 0;
  return {
    name,
    identity: JSON.stringify({ kind: 'rule', rule }),
    async compare({ a, b }) {
      const [scoreA, scoreB] = [scorer.score(a), scorer.score(b)];
      const near = Math.abs(scoreA - scoreB) <= tolerance * Math.max(Math.abs(scoreA), Math.abs(scoreB));
      const verdict = near ? 'tie' : scoreA > scoreB ? 'a' : 'b';
      const rationale = `${rule.kind}: ${shown(scoreA)} against ${shown(scoreB)}`;
      return { kind: 'verdict', judge: name, verdict, confidence: 1, rationale, calls: [], usage: NO_USAGE };
    },
  };
}

function shown(score: number): string {
  return String(Math.round(Math.abs(score) * 1000) / 1000);
}

function scoreOf(rule: Rule): (text: string) => number {
  switch (rule.kind) {
    case 'length': {
      const sign = rule.prefer === 'longer' ? 1 : -1;
      return (text) => sign * (rule.unit === 'words' ? (text.match(/\S+/g)?.length ?? 0) : text.length);
    }
    case 'contains': {
      const fold = (text: string): string => (rule.ignoreCase === true ? text.toLowerCase() : text);
      const wanted = rule.texts.map(fold);
      return (text) => {
        const found = wanted.filter((part) => fold(text).includes(part)).length;
        return rule.any === true ? Number(found > 0) : found / wanted.length;
      };
    }
    case 'pattern': {
      const pattern = compilePattern(rule.pattern, rule.flags);
      return (text) => Number(pattern.test(text) !== (rule.unwanted === true));
    }
    case 'json': {
      const isValid = rule.schema === undefined ? () => true : compileSchema(rule.schema);
      return (text) => {
        try {
          return Number(isValid(JSON.parse(text)));
        } catch {
          return 0;
        }
      };
    }
    case 'banned': {
      const escaped = rule.words.map((word) => word.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
      // \b knows ASCII letters only; these look-arounds know those of every language.
      const pattern = new RegExp(`(?<![\\p{L}\\p{N}_])(?:${escaped.join('|')})(?![\\p{L}\\p{N}_])`, 'giu');
      return (text) => 0 - (text.match(pattern)?.length ?? 0);
    }
    default:
      return unreachable(rule);
  }
}

/** Without g and y, which make a pattern remember where it was. */
function compilePattern(pattern: string, flags = ''): RegExp {
  try {
    return new RegExp(pattern, flags.replaceAll(/[gy]/g, ''));
  } catch (error) {
    throw badInput(
      `judge: pattern must be a regular expression of JavaScript, got ${JSON.stringify(pattern)}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function compileSchema(schema: Readonly<Record<string, unknown>>): ValidateFunction {
  const options = { strict: false, validateFormats: false, allErrors: false, logger: false } as const;
  const is2020 = typeof schema['$schema'] === 'string' && schema['$schema'].includes('2020-12');
  try {
    return (is2020 ? new Ajv2020(options) : new Ajv(options)).compile(schema);
  } catch (error) {
    throw badInput(`judge: schema must be a JSON schema, got an error: ${messageOf(error)}`, { cause: error });
  }
}
