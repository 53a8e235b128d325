import { describe, expect, it } from 'vitest';
import type { PreftuneError } from '../../core/index.ts';
import { memorySource } from '../../data/index.ts';
import { compareInstructions, followedBy, readInstructedPrompts } from './instructions.ts';

const lines = (...rows: readonly unknown[]): string => rows.map((row) => JSON.stringify(row)).join('\n');

describe('instructions', () => {
  it('reads rows as IFEval has them, and scores both models, prompt by prompt', async () => {
    const prompts = await readInstructedPrompts(
      memorySource(
        'ifeval.jsonl',
        lines(
          { key: 7, prompt: 'Say hello without commas.', instruction_id_list: ['punctuation:no_comma'], kwargs: [{}] },
          {
            prompt: 'Only lowercase and no commas.',
            instruction_id_list: ['punctuation:no_comma', 'change_case:english_lowercase'],
            kwargs: [{}, { unused: null }],
          },
        ),
      ),
    );
    expect(prompts.map(({ id, instructions }) => [id, instructions.map((one) => one.id)])).toEqual([
      ['7', ['punctuation:no_comma']],
      ['2', ['punctuation:no_comma', 'change_case:english_lowercase']],
    ]);
    const context = { detectLanguage: () => 'en' };
    // Strictly, the first answer has a comma, which loosely goes with its first line; the second one follows both.
    const policy = followedBy(prompts, ['Sure, here it is:\nhello', 'hello there'], context);
    const reference = followedBy(prompts, ['a, b', 'hello, there'], context);
    expect(policy).toEqual([
      { strict: [false], loose: [true] },
      { strict: [true, true], loose: [true, true] },
    ]);
    const result = compareInstructions(policy, reference);
    expect(result.policy).toMatchObject({
      prompts: 2,
      instructions: 3,
      promptStrict: { value: 1 / 2 },
      promptLoose: { value: 1 },
      instructionStrict: { value: 2 / 3 },
      instructionLoose: { value: 1 },
    });
    expect(result.reference).toMatchObject({ promptStrict: { value: 0 }, instructionStrict: { value: 1 / 3 } });
    // Differences 0 and 1: mean 1/2, standard error sqrt((1/4 + 1/4) * 2 / 1) / 2 = 1/2.
    expect(result.difference).toMatchObject({ value: 1 / 2, standardError: 1 / 2 });
    expect(result.isClear).toBe(false);
  });

  it('names everything that is wrong in a file', async () => {
    const source = memorySource(
      'bad.jsonl',
      lines(
        { prompt: 'a', instruction_id_list: ['x:y'] },
        3,
        { instruction_id_list: ['punctuation:no_comma'] },
        { prompt: 'a', instruction_id_list: ['punctuation:no_comma'], kwargs: [{}, {}] },
      ),
    );
    const error = await readInstructedPrompts(source).catch((thrown: unknown) => thrown as PreftuneError);
    expect((error as PreftuneError).problems.map(({ line, message }) => [line, message.slice(0, 60)])).toEqual([
      [1, 'evaluate: instructions must be among keywords:existence, key'],
      [2, 'a record must be an object with prompt and instruction_id_li'],
      [3, expect.stringContaining('prompt')],
      [4, 'evaluate: kwargs must have an object for each of 1 instructi'],
    ]);
  });
});
