import { describe, expect, test } from 'vitest';
import { parseRope, type RopeRules } from './rope.ts';

/** theta 10000 and headSize 8: frequencies 1, 1/10, 1/100, 1/1000. */
function rope(config: Readonly<Record<string, unknown>>, maxPositions = 64, rules: RopeRules = {}) {
  const problems: string[] = [];
  const parsed = parseRope(config, {
    headSize: 8,
    maxPositions,
    ...rules,
    fail: (path, message) => problems.push(`${path}: ${message}`),
  });
  return { ...parsed, problems };
}

function expectFrequencies(config: Readonly<Record<string, unknown>>, expected: readonly number[]): void {
  const { frequencies, problems } = rope(config);
  expect(problems).toEqual([]);
  expect(frequencies.length).toBe(expected.length);
  frequencies.forEach((frequency, i) => expect(frequency / expected[i]!).toBeCloseTo(1, 12));
}

const scaleOf = (extra: Readonly<Record<string, unknown>>): number =>
  rope({ rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 64, ...extra } }).scale;

describe('frequencies', () => {
  test('default: theta^(-2i/d)', () => {
    expectFrequencies({}, [1, 0.1, 0.01, 0.001]);
    expectFrequencies({ rope_theta: 16 }, [1, 0.5, 0.25, 0.125]);
    expectFrequencies({ rope_scaling: null, rope_theta: 16 }, [1, 0.5, 0.25, 0.125]);
    expect(rope({})).toMatchObject({ scale: 1, positionLimit: Infinity });
  });

  test('linear: all divided by the factor, under either name of the type and in either place', () => {
    const expected = [0.4, 0.2, 0.1, 0.05];
    expectFrequencies({ rope_theta: 16, rope_scaling: { type: 'linear', factor: 2.5 } }, expected);
    expectFrequencies({ rope_theta: 16, rope_scaling: { rope_type: 'linear', factor: 2.5 } }, expected);
    expectFrequencies({ rope_parameters: { rope_type: 'linear', factor: 2.5, rope_theta: 16 } }, expected);
  });

  test('llama3: wavelengths below 250 kept, above 1000 divided by 8, between them blended', () => {
    // Wavelengths 2 pi / f are 6.28, 62.8, 628, 6283. The third lies between: smooth = (1000 / 628.3 - 1) / (4 - 1).
    const smooth = ((1000 * 0.01) / (2 * Math.PI) - 1) / 3;
    const scaling = { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
    expectFrequencies({ rope_scaling: { ...scaling, original_max_position_embeddings: 1000 } }, [
      1,
      0.1,
      (1 - smooth) * (0.01 / 8) + smooth * 0.01,
      0.001 / 8,
    ]);
  });

  test('yarn: a ramp between the dimensions that turn 32 times and once', () => {
    // d ln(L / (2 pi r)) / (2 ln theta) = log10(L / (2 pi r)): 0.998 for r = 32, 2.503 for r = 1; rounded outwards 0 and 3.
    // The ramp is i / 3, and f becomes f (1 - ramp) + f / 4 ramp.
    const scaling = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 2000 };
    expectFrequencies({ rope_scaling: scaling }, [1, 0.075, 0.005, 0.00025]);
    expect(rope({ rope_scaling: scaling })).toMatchObject({ scale: 0.1 * Math.log(4) + 1, positionLimit: Infinity });
    // Not rounded: from 0.9977 to 2.5029.
    const [low, high] = [Math.log10(2000 / (64 * Math.PI)), Math.log10(2000 / (2 * Math.PI))];
    const at = (i: number): number => 1 - 0.75 * Math.min(Math.max((i - low) / (high - low), 0), 1);
    expectFrequencies({ rope_scaling: { ...scaling, truncate: false } }, [1, 0.1 * at(1), 0.01 * at(2), 0.00025]);
  });

  test('yarn: the attention factor is given, or follows from mscale, or from the factor', () => {
    expect(scaleOf({ attention_factor: 1.5 })).toBe(1.5);
    expect(scaleOf({ mscale: 2, mscale_all_dim: 0.5 })).toBeCloseTo(
      (0.2 * Math.log(4) + 1) / (0.05 * Math.log(4) + 1),
      14,
    );
    expect(scaleOf({ mscale: 2 })).toBe(0.1 * Math.log(4) + 1);
    expect(scaleOf({ mscale: 2, mscale_all_dim: 0 })).toBe(0.1 * Math.log(4) + 1);
    expect(scaleOf({ factor: 1 })).toBe(1);
  });

  test('dynamic: unchanged up to the positions that the model was trained on, no further', () => {
    const dynamic = rope({ rope_scaling: { type: 'dynamic', factor: 2 } }, 16);
    expect(dynamic).toMatchObject({ scale: 1, positionLimit: 16, problems: [] });
    expectFrequencies({ rope_scaling: { type: 'dynamic', factor: 2 } }, [1, 0.1, 0.01, 0.001]);
  });

  test('longrope: divided by the short factors, up to the original length; six elements of eight are turned', () => {
    const scaling = { type: 'longrope', short_factor: [1, 2, 4], long_factor: [8, 9, 10] };
    const rules = { isPartial: true, types: { longrope: 'longrope' }, originalPositions: 16 } as const;
    const found = rope({ rope_theta: 64, partial_rotary_factor: 0.75, rope_scaling: scaling }, 64, rules);
    // 64^(-i/3) is 1, 1/4, 1/16; sqrt(1 + ln(64 / 16) / ln 16) is sqrt(1.5).
    expect(found).toEqual({
      frequencies: [1, expect.closeTo(0.125, 14), expect.closeTo(0.015625, 14)] as number[],
      scale: expect.closeTo(Math.sqrt(1.5), 14) as number,
      theta: 64,
      factors: { short: [1, 2, 4], long: [8, 9, 10] },
      positionLimit: 16,
      problems: [],
    });
    const given = { ...scaling, attention_factor: 1.25, factor: 3 };
    expect(rope({ partial_rotary_factor: 0.75, rope_scaling: given }, 64, rules).scale).toBe(1.25);
    const known = { ...scaling, factor: 4 ** 1.5 };
    expect(rope({ partial_rotary_factor: 0.75, rope_scaling: known }, 64, rules).scale).toBeCloseTo(
      Math.sqrt(1.75),
      14,
    );
    expect(rope({ partial_rotary_factor: 0.75, rope_scaling: scaling }, 16, rules).scale).toBe(1);
  });

  test('what a family assumes, and where it ends', () => {
    expect(rope({}, 64, { theta: 16, positionLimit: 32 })).toMatchObject({
      frequencies: [1, 0.5, 0.25, 0.125],
      theta: 16,
      positionLimit: 32,
      problems: [],
    });
    expect(rope({ rope_theta: 256 }, 64, { theta: 16 }).theta).toBe(256);
    const own = { rope_scaling: { type: 'default', beta: 0.5 } };
    expect(rope(own, 64, { ownFields: ['beta'] }).problems).toEqual([]);
  });

  test('divisors of a GGUF file', () => {
    const scaling = { rope_type: 'gguf-frequency-factors', factors: [1, 2, 4, 8] };
    expectFrequencies({ rope_scaling: scaling }, [1, 0.05, 0.0025, 0.000125]);
  });
});

test.each([
  [{ rope_theta: 0 }, ['rope_theta: rope_theta must be a number above 0, got 0']],
  [{ rope_theta: '1e4' }, ['rope_theta: rope_theta must be a number above 0, got "1e4"']],
  [
    { rope_scaling: { type: 'longrope' } },
    ['rope_scaling: rope_scaling type must be default, linear, dynamic, yarn or llama3, got "longrope"'],
  ],
  [
    { rope_scaling: { type: 'linear', factor: -2 } },
    ['rope_scaling.factor: rope_scaling.factor must be a number above 0, got -2'],
  ],
  [
    { rope_scaling: { rope_type: 'llama3', factor: 8 } },
    ['low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'].map(
      (name) => `rope_scaling.${name}: rope_scaling.${name} must be a number above 0, got undefined`,
    ),
  ],
  [
    { rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.5 } },
    [
      'rope_scaling.partial_rotary_factor: rope_scaling.partial_rotary_factor must be 1, got 0.5; preftune does not compute this variant',
    ],
  ],
  [
    { rope_parameters: { full_attention: { rope_theta: 100 }, sliding_attention: { rope_theta: 10 } } },
    ['full_attention', 'sliding_attention'].map(
      (name, i) =>
        `rope_scaling.${name}: rope_scaling.${name} is not a field that preftune knows, got {"rope_theta":${[100, 10][i]}}; it may turn otherwise, so the model is refused`,
    ),
  ],
  [
    { rope_scaling: { type: 'default', mrope_section: [16, 24, 24], finetuned: true, attention_bias: false } },
    [
      'rope_scaling.mrope_section: rope_scaling.mrope_section is not a field that preftune knows, got [16,24,24]; it may turn otherwise, so the model is refused',
    ],
  ],
  [
    { rope_scaling: { rope_type: 'gguf-frequency-factors', factors: [1, 2, 0, 3] } },
    ['rope_scaling.factors: rope_scaling.factors must be 4 numbers above 0'],
  ],
  [
    { rope_scaling: { rope_type: 'gguf-frequency-factors' } },
    ['rope_scaling.factors: rope_scaling.factors must be 4 numbers above 0'],
  ],
])('%j is refused', (config, problems) => {
  expect(rope(config).problems).toEqual(problems);
});

test('of a family with its own types: other types, factors of another length and odd parts of a head are refused', () => {
  const rules = { isPartial: true, types: { default: 'default', su: 'longrope' }, originalPositions: 16 } as const;
  expect(rope({ rope_scaling: { type: 'yarn', factor: 2 } }, 64, rules).problems).toEqual([
    'rope_scaling: rope_scaling type must be default or su, got "yarn"',
  ]);
  expect(rope({ rope_scaling: { type: 'su', short_factor: [1, 1] } }, 64, rules).problems).toEqual([
    'rope_scaling.short_factor: rope_scaling.short_factor must be 4 numbers above 0',
    'rope_scaling.long_factor: rope_scaling.long_factor must be 4 numbers above 0',
  ]);
  expect(rope({ partial_rotary_factor: 0.9 }, 64, rules).problems).toEqual([
    'partial_rotary_factor: partial_rotary_factor must turn an even part of 8 elements, got 0.9',
  ]);
});
