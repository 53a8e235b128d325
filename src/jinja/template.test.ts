import { describe, expect, it } from 'vitest';
import {
  judge,
  readExactly,
  readRecorded,
  readTemplate,
  variablesOf,
  type RecordedExpressions,
  type RecordedFamilies,
  type Verdict,
} from '../../test/fixtures/jinja/recorded.ts';
import { JsonNumber, isObject } from '../core/index.ts';
import { TemplateProblem } from './problem.ts';
import { compileTemplate } from './template.ts';

/** How many recorded templates came out how; those that Python renders and that differ or raise here are listed. */
function verdicts(file: string): { counts: Partial<Record<Verdict, number>>; wrong: string[]; refused: string[] } {
  const recorded = readRecorded<RecordedExpressions>(file);
  const variables = variablesOf(recorded);
  const counts: Partial<Record<Verdict, number>> = {};
  const [wrong, refused]: [string[], string[]] = [[], []];
  for (const row of recorded.rows) {
    const { verdict, got } = judge(variables, row);
    counts[verdict] = (counts[verdict] ?? 0) + 1;
    if (verdict === 'refused') refused.push(`${row[0]} ${got}`);
    else if (verdict !== 'same') wrong.push(`${row[0]}: Python ${JSON.stringify(row[1])}, here ${JSON.stringify(got)}`);
  }
  return { counts, wrong, refused };
}

describe('recorded from Jinja2 in the environment of Transformers', () => {
  it('every filter, test, method, operator and way of printing gives its text, raises where it raises, or is refused', () => {
    const { counts, wrong, refused } = verdicts('expressions.json');
    expect(wrong).toEqual([]);
    expect(counts).toEqual({ same: 5983, refused: 49 });
    expect(refused.filter((text) => !text.endsWith(' is not supported'))).toEqual([]);
  });

  it('so do random expressions', () => {
    const { counts, wrong } = verdicts('random.json');
    expect(wrong).toEqual([]);
    expect(counts).toEqual({ same: 2956, refused: 44 });
  });
});

function render(source: string, variables: Readonly<Record<string, unknown>> = {}): string {
  return compileTemplate(source).render(variables, '2024-07-03T09:05:07');
}

/** Kind, line and message of what a template throws. */
function problemOf(source: string, variables: Readonly<Record<string, unknown>> = {}): string {
  try {
    return `no problem: ${render(source, variables)}`;
  } catch (error) {
    if (!(error instanceof TemplateProblem)) throw error;
    return `${error.kind}, line ${error.line}: ${error.message}`;
  }
}

describe('templates of the families', () => {
  const { conversations, special, rendered } = readRecorded<RecordedFamilies>('families.json');
  const read = readExactly(conversations) as readonly Readonly<Record<string, unknown>>[];
  it.each(Object.keys(rendered))('%s', (name) => {
    const template = compileTemplate(readTemplate(name));
    const outcomes = read.map(({ messages, tools, prompt, variables }) => {
      const given = {
        ...special,
        ...(variables as object | undefined),
        messages: (messages as readonly Readonly<Record<string, unknown>>[]).map((message) =>
          message['reasoning_content'] === undefined ? message : { thinking: message['reasoning_content'], ...message },
        ),
        tools: tools ?? null,
        documents: null,
        add_generation_prompt: prompt === true,
      };
      try {
        return { text: template.render(given, '2024-07-03') };
      } catch (error) {
        return error instanceof TemplateProblem ? { error: error.kind === 'raised' ? error.message : true } : error;
      }
    });
    // Only what a template raises has words that must be the same.
    const expected = rendered[name]!.map(({ text, error }, at) =>
      text === undefined
        ? { error: isObject(outcomes[at]) && outcomes[at]['error'] === true ? true : error }
        : { text },
    );
    expect(outcomes).toEqual(expected);
  });
});

describe('numbers', () => {
  it('a JSON number keeps its digits; a number of JavaScript is whole or a float; a bigint is whole', () => {
    const variables = {
      a: new JsonNumber('1.0'),
      b: new JsonNumber('9007199254740993'),
      c: 3,
      d: 0.1,
      e: 2n ** 70n,
      f: -0,
    };
    expect(render('{{ [a, b, c, d, e, f] }} {{ [a, b]|tojson }} {{ b + 1 }}', variables)).toBe(
      '[1.0, 9007199254740993, 3, 0.1, 1180591620717411303424, 0] [1.0, 9007199254740993] 9007199254740994',
    );
    expect(render('{{ [a, b, c] }}', { a: 1e21, b: 1e-7, c: 2 ** 53 })).toBe(
      '[1000000000000000000000, 1e-07, 9007199254740992]',
    );
  });

  it('a Map keeps the order of its keys', () => {
    expect(
      render('{{ x }}', {
        x: new Map<string, unknown>([
          ['2', 1],
          ['1', null],
        ]),
      }),
    ).toBe("{'2': 1, '1': None}");
  });
});

describe('problems name their line', () => {
  it.each([
    ['a\n{{ 1 | nosuch }}', "syntax, line 2: No filter named 'nosuch'."],
    [
      'a\n\n{% if x %}',
      "syntax, line 3: Unexpected end of template. Jinja was looking for the following tags: 'elif' or 'else' or 'endif'. The innermost block that needs to be closed is 'if'.",
    ],
    ['{% for i in [1] %}\n{{ i }}\n{{ i.x.y }}{% endfor %}', "failed, line 3: 'int object' has no attribute 'x'"],
    [
      '{% macro m() %}\n{{ 1 }}{% endmacro %}\n{{ m() + 1 }}',
      'failed, line 3: can only concatenate str (not "int") to str',
    ],
    ["\n{{ raise_exception('Roles!') }}", 'raised, line 2: Roles!'],
    ['\n{{ [1]|random }}', 'unsupported, line 2: the filter random is not supported'],
    ['\n\n{% include "x" %}', 'unsupported, line 3: the tag include is not supported'],
  ])('%j', (source, problem) => expect(problemOf(source)).toBe(problem));
});

const LONG = 'a text must have at most 8,388,608 characters, got ';
const STEPS = 'the template must end within 4,000,000 steps, and it has not';
const BITS = 'a whole number must have at most 32768 bits, got more';

describe('hostile templates are stopped', () => {
  it.each([
    ["{{ 'x' * 10**9 }}", `${LONG}1000000000`],
    ["{{ '%1000000000d' % 1 }}", 'a field of a format must have at most 999999999 characters, got 1000000000'],
    ["{{ '%99999999d' % 1 }}", `${LONG}99999999`],
    ["{{ '%.99999999f' % 1 }}", `${LONG}100000399`],
    ["{{ '{:99999999}'.format(1) }}", `${LONG}99999999`],
    ["{{ 'a'.center(10**9) }}", LONG],
    ["{{ 'a'.zfill(10**9) }}", LONG],
    ["{{ 'a\tb'.expandtabs(10**9) }}", LONG],
    ["{{ 'ab'|indent(10**9) }}", LONG],
    ['{{ [1]|tojson(indent=10**9) }}', LONG],
    ["{{ ('x' * 10**6)|replace('', 'y' * 10**6) }}", LONG],
    ["{{ (['x' * 10**6] * 1000)|join }}", LONG],
    ['{{ [0] * 10**9 }}', STEPS],
    ['{{ 10 ** (10 ** 10) }}', `${BITS} from **`],
    ['{{ range(10**9)|list }}', 'Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).'],
    ['{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}', STEPS],
    ["{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}", LONG],
    ['{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', 'macros must call each other at most 150 deep'],
    ['{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}', 'macros must call each other at most 150 deep'],
    ['{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}', STEPS],
    [
      '{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}',
      'loops must call themselves at most 150 times within each other',
    ],
    [
      '{% set ns = namespace(x=[1]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}',
      'lists must nest at most 200 deep, got more',
    ],
    [
      '{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}',
      STEPS,
    ],
    [
      '{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == [ns.x] }}',
      'no problem: False',
    ],
    ["{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}", LONG],
    [`{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`, 'expressions and blocks must nest at most 100 deep, got more'],
    [`{{ ${'not '.repeat(5000)}1 }}`, 'expressions and blocks must nest at most 100 deep, got more'],
    [`{{ 1${'|abs'.repeat(50_000)} }}`, 'expressions, lists and calls must nest less deep'],
    ['{% if 1 %}'.repeat(5000), 'expressions and blocks must nest at most 100 deep, got more'],
  ])('%.60j', (source, problem) => expect(problemOf(source)).toContain(problem));

  it('values that nest too deep are refused as they come in', () => {
    let deep: unknown = [];
    for (let at = 0; at < 500; at++) deep = [deep];
    expect(problemOf('{{ x }}', { x: deep })).toBe('limit, line 1: lists must nest at most 200 deep, got more');
  });

  it('names that every object of JavaScript has are nothing to a template', () => {
    const names = ['constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty'];
    const source = names
      .map((name) => `{{ x.${name} }}{{ x['${name}'] }}{{ ${name} }}{{ 'a'.${name} }}{{ [].${name} }}`)
      .join('');
    expect(render(source, { x: {} })).toBe('');
    expect(problemOf('{{ x|constructor }}')).toBe("syntax, line 1: No filter named 'constructor'.");
  });
});

describe('strftime_now', () => {
  it.each([
    ['%A %-d %B %Y, %H:%M:%S %p %j %%', 'Wednesday 3 July 2024, 09:05:07 AM 185 %'],
    ['%d %b %y %e %k %l %I %w %u %U %W %V %G %C', '03 Jul 24  3  9  9 09 3 3 26 27 27 2024 20'],
    [
      '%F %T %D %R %r %x %X|%c|%z%Z|%f',
      '2024-07-03 09:05:07 07/03/24 09:05 09:05:07 AM 07/03/24 09:05:07|Wed Jul  3 09:05:07 2024||000000',
    ],
    ['%^a %_m %-m %0e', 'WED  7 7 03'],
  ])('%s', (format, text) => expect(render(`{{ strftime_now('${format}') }}`)).toBe(text));

  it('prints what is written of a time, wherever its clock hangs and wherever this runs', () => {
    const template = compileTemplate("{{ strftime_now('%F %T.%f') }}");
    for (const zone of ['', 'Z', '+14:00', '-0930'])
      expect(template.render({}, `2026-11-30T23:59:59.25${zone}`)).toBe('2026-11-30 23:59:59.250000');
    expect(template.render({}, '2024-02-29')).toBe('2024-02-29 00:00:00.000000');
  });

  it('other codes are refused', () => {
    expect(problemOf("{{ strftime_now('%Q') }}")).toBe(
      'unsupported, line 1: the code %Q of strftime_now is not supported',
    );
  });
});
