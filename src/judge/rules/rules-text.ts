import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { badInput, messageOf } from '../../core/index.ts';
import { isRefusal } from '../../answers/index.ts';
import { readability, splitSentences } from './reading-level.ts';
import { sentimentOf } from './sentiment.ts';

/** What a rule finds of one answer. */
export interface Measurement {
  /** More is better. */
  readonly score: number;
  /** Whether the rule holds; a rule that only prefers (shorter, easier) always does. */
  readonly passes: boolean;
  /** What was found, for a reader. */
  readonly evidence: string;
}

/** A side that is preferred, or a band that answers must be in; one of the two. */
interface Wanted<Side extends string> {
  readonly prefer?: Side;
  readonly min?: number;
  readonly max?: number;
}

export const LENGTH_UNITS = ['characters', 'words', 'sentences', 'tokens'] as const;
export type LengthUnit = (typeof LENGTH_UNITS)[number];

/** A property of an answer's text that code can check. */
export type TextRule =
  /** Fewer or more units, or a number of units in a band. Scores within `tolerance` (a share of the larger) are equal; default 0. */
  | (Wanted<'shorter' | 'longer'> & {
      readonly kind: 'length';
      /** Characters are UTF-16 units, words what stands between blanks. */
      readonly unit?: LengthUnit;
      readonly tolerance?: number;
      /** For tokens: the model whose tokenizer counts. */
      readonly tokenizer?: string;
    })
  /** The share of `texts` that are in the answer; with `any`, whether one is; with `unwanted`, how few are (it holds where none is). */
  | {
      readonly kind: 'contains';
      readonly texts: readonly string[];
      readonly any?: boolean;
      readonly unwanted?: boolean;
      readonly ignoreCase?: boolean;
    }
  /** Whether a regular expression matches; with `unwanted`, whether it does not. */
  | { readonly kind: 'pattern'; readonly pattern: string; readonly flags?: string; readonly unwanted?: boolean }
  /** Whether the answer is JSON, and valid by the schema if there is one (draft 7 or 2020-12). */
  | { readonly kind: 'json'; readonly schema?: Readonly<Record<string, unknown>> }
  /** How seldom these words occur, as whole words whatever their case. */
  | { readonly kind: 'banned'; readonly words: readonly string[] }
  /** Whether the answer does not refuse; with `wanted`, whether it does. */
  | { readonly kind: 'refusal'; readonly wanted?: boolean }
  /** The Flesch-Kincaid grade (English): lower or higher, or in a band of grades. Grades within `tolerance` grades are equal; default 0. */
  | (Wanted<'easier' | 'harder'> & { readonly kind: 'reading-level'; readonly tolerance?: number })
  /** The valence of the words (English) in [-1, 1]: kinder or harsher, or in a band. Values within `tolerance` are equal; default 0. */
  | (Wanted<'positive' | 'negative'> & { readonly kind: 'sentiment'; readonly tolerance?: number });

export interface TextRuleOptions {
  /** Tokens of a text, for lengths in tokens. */
  readonly countTokens?: ((text: string) => number) | undefined;
}

type Measure = (text: string) => Measurement;

/** How a rule measures a text. Throws bad-input for a pattern or schema that is none, and for tokens without a tokenizer. */
export const TEXT_MEASURES: {
  readonly [Kind in TextRule['kind']]: (rule: TextRule & { kind: Kind }, options: TextRuleOptions) => Measure;
} = {
  length: (rule, options) => {
    const { unit = 'characters' } = rule;
    const count = counterOf(unit, options);
    return banded(rule, { sign: { shorter: -1, longer: 1 }, value: count, shown: (n) => `${n} ${unit}` });
  },
  contains: ({ texts, any = false, unwanted = false, ignoreCase = false }) => {
    if (any && unwanted)
      throw badInput('judge: contains must have any or unwanted, got both; unwanted wants none of the texts already');
    const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
    const wanted = texts.map(fold);
    return (text) => {
      const found = wanted.filter((part) => fold(text).includes(part)).length;
      const evidence = `${found} of ${wanted.length}`;
      if (unwanted) return { score: 0 - found, passes: found === 0, evidence };
      const passes = any ? found > 0 : found === wanted.length;
      return { score: any ? Number(passes) : found / wanted.length, passes, evidence };
    };
  },
  pattern: ({ pattern, flags, unwanted = false }) => {
    const compiled = compilePattern(pattern, flags);
    return (text) => {
      const matches = compiled.test(text);
      return yesOrNo(matches !== unwanted, matches ? 'matches' : 'does not match');
    };
  },
  json: ({ schema }) => {
    const validate = schema === undefined ? undefined : compileSchema(schema);
    return (text) => {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        return yesOrNo(false, 'no JSON');
      }
      if (validate === undefined || validate(value)) return yesOrNo(true, 'valid');
      const [error] = validate.errors ?? [];
      return yesOrNo(false, `${error?.instancePath || 'the value'} ${error?.message ?? 'is not valid'}`);
    };
  },
  banned: ({ words }) => {
    const escaped = words.map((word) => word.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    // \b knows ASCII letters only; these look-arounds know those of every language.
    const pattern = new RegExp(`(?<![\\p{L}\\p{N}_])(?:${escaped.join('|')})(?![\\p{L}\\p{N}_])`, 'giu');
    return (text) => {
      const found = text.match(pattern) ?? [];
      const evidence = found.length === 0 ? 'none' : `${found.length}: ${[...new Set(found)].slice(0, 5).join(', ')}`;
      return { score: 0 - found.length, passes: found.length === 0, evidence };
    };
  },
  refusal: ({ wanted = false }) => {
    return (text) => {
      const refuses = isRefusal(text);
      return yesOrNo(refuses === wanted, refuses ? 'refuses' : 'answers');
    };
  },
  'reading-level': (rule) =>
    banded(rule, {
      sign: { easier: -1, harder: 1 },
      value: (text) => readability(text).grade ?? 0,
      shown: (grade) => `grade ${grade.toFixed(1)}`,
    }),
  sentiment: (rule) =>
    banded(rule, {
      sign: { negative: -1, positive: 1 },
      value: sentimentOf,
      shown: (value) => `sentiment ${value.toFixed(2)}`,
    }),
};

/** The measure of a text rule. */
export function createTextMeasure(rule: TextRule, options: TextRuleOptions = {}): Measure {
  const create = TEXT_MEASURES[rule.kind] as (rule: TextRule, options: TextRuleOptions) => Measure;
  return create(rule, options);
}

/** A quantity of which more or less is better, or of which a band is right: then the score is minus the distance from it. */
function banded<Side extends string>(
  { prefer, min, max }: Wanted<Side>,
  quantity: {
    readonly sign: Readonly<Record<Side, 1 | -1>>;
    readonly value: (text: string) => number;
    readonly shown: (value: number) => string;
  },
): Measure {
  const { sign, value, shown } = quantity;
  if (prefer === undefined && min === undefined && max === undefined)
    throw badInput(`judge: a rule must have prefer (${Object.keys(sign).join(' or ')}), min or max, got none of them`);
  if (prefer !== undefined && (min !== undefined || max !== undefined))
    throw badInput('judge: a rule must have prefer, or min and max, got both; use two rules');
  if (min !== undefined && max !== undefined && min > max)
    throw badInput(`judge: min must not be above max, got ${min} and ${max}`);
  return (text) => {
    const found = value(text);
    const evidence = shown(found);
    if (prefer !== undefined) return { score: sign[prefer] * found, passes: true, evidence };
    const distance = Math.max(0, (min ?? -Infinity) - found, found - (max ?? Infinity));
    return { score: 0 - distance, passes: distance === 0, evidence };
  };
}

function yesOrNo(passes: boolean, evidence: string): Measurement {
  return { score: Number(passes), passes, evidence };
}

function counterOf(unit: LengthUnit, { countTokens }: TextRuleOptions): (text: string) => number {
  switch (unit) {
    case 'characters':
      return (text) => text.length;
    case 'words':
      return (text) => text.match(/\S+/g)?.length ?? 0;
    case 'sentences':
      return (text) => splitSentences(text).length;
    default:
      if (countTokens === undefined)
        throw badInput('judge: length in tokens needs a tokenizer, got none; name a model in the rule: tokenizer');
      return countTokens;
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
