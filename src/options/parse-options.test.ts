import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { problemsOf } from '../core/index.ts';
import { grouped, oneOrMore, option, texts, type OptionsOf } from './option.ts';
import { parseOptions, readOptions } from './parse-options.ts';

const SHAPE = {
  model: option(z.string().min(1), { help: 'a folder' }),
  data: option(texts(), { help: 'rows' }),
  lora: z
    .strictObject(
      grouped('Adapter', {
        rank: option(z.int().min(1).default(16), { help: 'rank' }),
        targets: option(
          z
            .array(z.enum(['q', 'k']))
            .min(1)
            .optional(),
          { help: 'modules' },
        ),
      }),
    )
    .optional(),
  update: option(z.enum(['none', 'hard', 'soft']).default('none'), { help: 'how' }),
  every: option(z.int().optional(), { help: 'steps', onlyWith: { option: 'update', values: ['hard', 'soft'] } }),
  rate: option(oneOrMore(z.number().gt(0).lt(1)).optional(), { help: 'rates' }),
  temperature: option(z.union([z.number().min(0), z.literal('none')]).optional(), { help: 'a number or none' }),
};
const SCHEMA = z.strictObject(SHAPE);

function problems(given: Record<string, unknown>, check?: (options: z.output<typeof SCHEMA>) => { message: string }[]) {
  return problemsOf(() => parseOptions(SCHEMA, given, check)).map(({ path, message }) => `${path} | ${message}`);
}

test('options have the types of their schema, and their defaults', () => {
  const options = parseOptions(SCHEMA, { model: 'm', data: ['a', 'b'], lora: {}, rate: 0.5, temperature: 'none' });
  expect(options).toEqual({
    model: 'm',
    data: ['a', 'b'],
    lora: { rank: 16 },
    update: 'none',
    rate: 0.5,
    temperature: 'none',
  });
  expectTypeOf(options).toEqualTypeOf<OptionsOf<typeof SHAPE>>();
  expectTypeOf(options.update).toEqualTypeOf<'none' | 'hard' | 'soft'>();
  expectTypeOf(options.data).toEqualTypeOf<string | string[]>();
  expectTypeOf(options.lora).toEqualTypeOf<{ rank: number; targets?: ('q' | 'k')[] | undefined } | undefined>();
});

test('what was given parses to itself again', () => {
  const given = {
    model: 'm',
    data: 'd',
    lora: { rank: 4, targets: ['q'] },
    update: 'soft',
    every: 3,
    rate: [0.1, 0.2],
  };
  expect(parseOptions(SCHEMA, parseOptions(SCHEMA, given))).toEqual(given);
});

test('everything that is wrong is said at once, with what else is wrong beside it', () => {
  const given = {
    modle: 'm',
    data: [],
    lora: { rank: 1.5, targets: ['q', 'v'], rnak: 2 },
    every: 2,
    rate: [0.5, 2],
    temperature: 'warm',
  };
  const seen: unknown[] = [];
  const check = (options: z.output<typeof SCHEMA>): { message: string }[] => {
    seen.push(options);
    return [{ message: '--every must be even' }];
  };
  expect(problems(given, check)).toEqual([
    'model | --model is required; a folder',
    'data | --data must not be empty, got []',
    'lora.rank | --lora.rank must be a whole number, got 1.5',
    'lora.targets | --lora.targets must be one of q, k, got "v"',
    'lora.rnak | --lora.rnak is not an option; did you mean --lora.rank?',
    'rate | --rate must be below 1, got 2',
    'temperature | --temperature must be a number or none, got "warm"',
    'modle | --modle is not an option; did you mean --model?',
    'every | --every has no effect without --update hard or soft; leave it out',
    'undefined | --every must be even',
  ]);
  // What is wrong is left out, and what is missing stands in.
  expect(seen).toEqual([{ model: '-', data: '-', lora: { rank: 16, targets: ['q'] }, update: 'none', every: 2 }]);
});

test('names of a file, and missing options that something else may give', () => {
  const read = readOptions(SCHEMA, { given: { lora: { rank: 0 } }, nameOf: (path) => path, mayLack: true });
  expect('problems' in read && read.problems).toEqual([
    { path: 'lora.rank', message: 'lora.rank must be at least 1, got 0' },
  ]);
});

test('what is wrong inside a value is told with its place there, once', () => {
  const judge = z.strictObject({ kind: z.literal('llm'), model: z.string() });
  const schema = z.strictObject({
    judges: option(z.array(z.discriminatedUnion('kind', [judge, z.strictObject({ kind: z.literal('rule') })])), {
      help: 'a list of judges',
    }),
  });
  const given = { judges: [{ kind: 'lm' }, { kind: 'llm', modle: 'm' }] };
  const told = { path: 'judges.0.kind', message: 'judges.0.kind is wrong' };
  expect(problemsOf(() => parseOptions(schema, given, () => [told]))).toEqual([
    { path: 'judges', message: '--judges[0].kind must be one of llm, rule, got "lm"' },
    { path: 'judges', message: '--judges[1].model is required' },
    { path: 'judges', message: '--judges[1].modle is not a field; did you mean --judges[1].model?' },
  ]);
});

test('an option that needs another one has no effect without it', () => {
  const schema = z.strictObject({
    prompts: option(z.string().optional(), { help: 'prompts' }),
    samples: option(z.int().default(1), { help: 'answers', onlyWith: { option: 'prompts' } }),
  });
  expect(problemsOf(() => parseOptions(schema, { samples: 2 })).map(({ message }) => message)).toEqual([
    '--samples has no effect without --prompts; add it or leave --samples out',
  ]);
  expect(parseOptions(schema, { prompts: 'p' })).toEqual({ prompts: 'p', samples: 1 });
});
