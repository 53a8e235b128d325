import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLanguageDetector } from '../../answers/index.ts';
import type { INSTRUCTION_CHECKS } from './instruction-checks.ts';
import {
  checkInstructions,
  followsInstruction,
  instructionAccuracy,
  INSTRUCTION_NAMES,
  needsLanguage,
  parseInstructions,
} from './rules-instructions.ts';

interface Recorded {
  readonly answers: readonly string[];
  readonly instructions: readonly {
    readonly id: string;
    readonly kwargs: Record<string, unknown>;
    readonly strict: readonly boolean[];
    readonly loose: readonly boolean[];
  }[];
}

/** Recorded by fixtures/record_ifeval.py from IFEval's checks. */
const RECORDED = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', 'ifeval.json'), 'utf8')) as Recorded;

/** Where another detector of languages decides, on texts of a few words. */
const BY_LANGUAGE = ['language:response_language', 'change_case:english_capital', 'change_case:english_lowercase'];

describe("IFEval's own verdicts", () => {
  test.each(RECORDED.instructions.filter(({ id }) => !BY_LANGUAGE.includes(id)))('$id $kwargs', (recorded) => {
    const parsed = parseInstructions({ instruction_id_list: [recorded.id], kwargs: [recorded.kwargs] }, 'row');
    const results = RECORDED.answers.map((answer) => checkInstructions(answer, parsed));
    const differing = (kind: 'strict' | 'loose'): string[] =>
      RECORDED.answers.filter((_, i) => results[i]![kind][0] !== recorded[kind][i]);
    expect([differing('strict'), differing('loose')]).toEqual([[], []]);
  });

  test('every instruction is among the recorded ones, but for sentences, which need a model of nltk', () => {
    const recorded = new Set(RECORDED.instructions.map(({ id }) => id));
    expect(INSTRUCTION_NAMES.filter((name) => !recorded.has(name))).toEqual(['length_constraints:number_sentences']);
    expect(INSTRUCTION_NAMES.length).toBe(25);
  });

  test('languages, where texts are long enough for both detectors', async () => {
    const detectLanguage = await openLanguageDetector();
    const holds = (id: keyof typeof INSTRUCTION_CHECKS, kwargs: object, answer: string): boolean =>
      followsInstruction(answer, { id, kwargs: { ...kwargs } }, { detectLanguage });
    const german = 'Der schnelle braune Fuchs springt über den faulen Hund und läuft dann in den grünen Wald hinein.';
    const english =
      'the quick brown fox jumps over the lazy dog and then it runs into the green forest behind the house';
    expect([
      holds('language:response_language', { language: 'de' }, german),
      holds('language:response_language', { language: 'zh-cn' }, german),
      holds('change_case:english_lowercase', {}, english),
      holds('change_case:english_lowercase', {}, german.toLowerCase()),
      holds('change_case:english_capital', {}, english.toUpperCase()),
      holds('change_case:english_capital', {}, english),
    ]).toEqual([true, false, true, false, true, false]);
  });
});

test('sentences', () => {
  const five = 'Dr. Smith came at 5 p.m. today. He left! Why? Nobody knows... Mr. T. Jones asked.';
  const [instruction] = parseInstructions(
    {
      instruction_id_list: ['length_constraints:number_sentences'],
      kwargs: [{ num_sentences: 5, relation: 'at least', keyword: null }],
    },
    'row',
  );
  expect(followsInstruction(five, instruction!)).toBe(true);
  expect(followsInstruction('One. Two. Three. Four.', instruction!)).toBe(false);
});

test('what is wrong is said at once', () => {
  expect(() =>
    parseInstructions(
      {
        instruction_id_list: ['punctuation:no_comma', 'punctuation:none', 'keywords:frequency'],
        kwargs: [{}, {}, { keyword: 'x', frequency: -1 }],
      },
      'row 3',
    ),
  ).toThrow(
    new RegExp(
      '^row 3: instructions must be among keywords:existence, .*, got "punctuation:none"\n' +
        'row 3: keywords:frequency.frequency: .*\nrow 3: keywords:frequency.relation: .*$',
    ),
  );
  expect(() => parseInstructions({ instruction_id_list: [] }, 'row')).toThrow(
    'row: instruction_id_list must be a list of names, got []',
  );
  expect(() => parseInstructions({ instruction_id_list: ['punctuation:no_comma'], kwargs: [] }, 'row')).toThrow(
    'row: kwargs must have an object for each of 1 instructions, got 0',
  );
});

test('the four accuracies', () => {
  expect(
    instructionAccuracy([
      { strict: [true, false], loose: [true, true] },
      { strict: [true], loose: [true] },
      { strict: [false], loose: [false] },
    ]),
  ).toEqual({ promptStrict: 1 / 3, instructionStrict: 1 / 2, promptLoose: 2 / 3, instructionLoose: 3 / 4 });
  expect(instructionAccuracy([])).toBeNull();
  expect(needsLanguage([{ id: 'punctuation:no_comma', kwargs: {} }])).toBe(false);
});
