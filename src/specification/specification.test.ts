import { describe, expect, it } from 'vitest';
import { PreftuneError } from '../core/index.ts';
import { optionsOf } from '../options/index.ts';
import { SCHEMAS } from './specification-schema.ts';
import { givenOf, parseDpoSpecification, parseScoreSpecification, parseSftSpecification } from './specification.ts';

const NAMED = { model: 'm', data: 'd', output: 'o' };

function problemsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof PreftuneError && thrown.code === 'bad-input')
      return thrown.problems.map(({ path, message }) => `${path} | ${message}`);
    throw thrown;
  }
  throw new Error('it must be refused');
}

describe('specifications', () => {
  it('have every default written out', () => {
    const { lora, learningRate, optimizer, objective, batchSize, maxGradientNorm } = parseDpoSpecification(NAMED);
    expect({ lora, learningRate, optimizer: optimizer.name, objective, batchSize, maxGradientNorm }).toEqual({
      lora: {
        rank: 16,
        alpha: 32,
        dropout: 0,
        rankStabilised: false,
        targets: ['all-linear'],
        variant: 'lora',
        plus: false,
      },
      learningRate: 5e-5,
      optimizer: 'adamw',
      objective: { name: 'sigmoid', options: { beta: 0.1 } },
      batchSize: 8,
      maxGradientNorm: 1,
    });
    const rates = [
      parseDpoSpecification({ ...NAMED, method: 'full' }),
      parseSftSpecification(NAMED),
      parseSftSpecification({ ...NAMED, method: 'full' }),
    ].map((one) => [one.learningRate, one.lora?.rank]);
    expect(rates).toEqual([
      [1e-6, undefined],
      [2e-4, 16],
      [2e-5, undefined],
    ]);
  });

  it('survive run.json: the options that they came from give them again', () => {
    const given = [
      parseDpoSpecification(NAMED),
      parseDpoSpecification({
        ...NAMED,
        method: 'full',
        beta: 0.3,
        optimizer: { name: 'sgd', momentum: 0.5 },
        heldOut: 'h',
      }),
      parseDpoSpecification({ ...NAMED, adapter: 'a', reference: 'r', maxGradientNorm: 0, threads: 2 }),
    ];
    for (const specification of given) {
      const stored = JSON.parse(JSON.stringify(specification)) as Record<string, unknown>;
      expect(JSON.parse(JSON.stringify(parseDpoSpecification(givenOf(stored))))).toEqual(stored);
    }
    const sft = JSON.parse(JSON.stringify(parseSftSpecification({ ...NAMED, loss: 'all' }))) as Record<string, unknown>;
    expect(JSON.parse(JSON.stringify(parseSftSpecification(givenOf(sft))))).toEqual(sft);
  });

  it('report ranges, types, choices, unknown and idle options together, as flags', () => {
    const wrong = {
      model: '',
      output: 'o',
      epochs: 0,
      heldOutFraction: 0.9,
      method: 'half',
      lora: { rank: 1.5, targets: [], colour: 1 },
      speed: 3,
      optimizer: { name: 'sgd', beta1: 0.9 },
      order: 'sequential',
      lengthBuckets: true,
      device: 'webgpu',
      threads: 2,
    };
    expect(problemsOf(() => parseDpoSpecification(wrong)).toSorted()).toEqual(
      [
        'model | --model must not be empty, got ""',
        'data | --data is required; rows: file, folder, pattern or hub id; with =0.3 behind it three rows of ten; may be repeated',
        'epochs | --epochs must be above 0, got 0',
        'heldOutFraction | --held-out-fraction must be at most 0.5, got 0.9',
        'method | --method must be one of lora, full, got "half"',
        'lora.rank | --lora.rank must be a whole number, got 1.5',
        'lora.targets | --lora.targets must not be empty, got []',
        'lora.colour | --lora.colour is not an option; see --help-all for the options',
        'speed | --speed is not an option; did you mean --seed?',
        'optimizer.beta1 | --optimizer.beta1 has no effect with --optimizer.name sgd, which takes --optimizer.momentum, --optimizer.weight-decay; leave it out',
        'lengthBuckets | --length-buckets has no effect with --order sequential; leave it out',
        'threads | --threads has no effect with --device webgpu; leave it out',
      ].toSorted(),
    );
  });

  it('name every idle option of an adapter', () => {
    const lora = { rank: 4, alpha: 8 };
    expect(problemsOf(() => parseDpoSpecification({ ...NAMED, method: 'full', lora, adapter: 'a' }))).toEqual([
      'lora.rank | --lora.rank has no effect with --method full; leave it out',
      'lora.alpha | --lora.alpha has no effect with --method full; leave it out',
      'adapter | --adapter has no effect with --method full; leave it out',
    ]);
    expect(problemsOf(() => parseDpoSpecification({ ...NAMED, adapter: 'a', lora: { rank: 4 } }))).toEqual([
      'lora.rank | --lora.rank has no effect with --adapter, which continues an adapter as it was configured; leave it out',
    ]);
    expect(
      problemsOf(() =>
        parseDpoSpecification({ ...NAMED, heldOut: 'h', heldOutFraction: 0.1, objective: 'sigmoid', beta: -1 }),
      ),
    ).toEqual([
      'heldOutFraction | --held-out-fraction has no effect with --held-out; leave it out',
      'beta | --beta must be a number above 0, got -1',
    ]);
  });

  it('of score take beta only where there are rewards', () => {
    expect(
      problemsOf(() =>
        parseScoreSpecification({ model: 'm', data: 'd', reference: 'r', adapter: 'a', referenceFree: 'sum' }),
      ),
    ).toEqual(['referenceFree | --reference-free has no effect with --reference; leave it out']);
    expect(
      problemsOf(() =>
        parseScoreSpecification({ model: 'm', data: 'd', adapter: 'a', referenceFree: 'average', beta: 0.5 }),
      ),
    ).toEqual(['beta | --beta has no effect with --reference-free, where there are no rewards; leave it out']);
    expect(parseScoreSpecification({ model: 'm', data: 'd', reference: 'r', beta: 0.5 }).beta).toBe(0.5);
    expect(problemsOf(() => parseScoreSpecification({ model: 'm', data: 'd', objective: 'simpoo' }))).toEqual([
      expect.stringMatching(/^objective \| --objective must be the name of a loss, got "simpoo"; did you mean simpo\?/),
    ]);
    expect(
      problemsOf(() => parseScoreSpecification({ model: 'm', data: 'd', beta: 0.5, threads: 1, device: 'cuda' })),
    ).toEqual([
      'beta | --beta has no effect without --reference or --adapter, which rewards are measured by; leave it out',
      'threads | --threads has no effect with --device cuda; leave it out',
    ]);
  });
});

describe.each(['dpo', 'sft', 'score'] as const)('the option table of %s', (recipe) => {
  const options = optionsOf(SCHEMAS[recipe]);

  it('describes every option, with one path for each', () => {
    expect(options.filter(({ meta }) => meta.help === '').map(({ path }) => path)).toEqual([]);
    expect(options.filter(({ meta }) => meta.group === undefined).map(({ path }) => path)).toEqual([]);
    expect(new Set(options.map(({ path }) => path)).size).toBe(options.length);
    const required = recipe === 'score' ? ['model', 'data'] : ['model', 'data', 'output'];
    expect(options.filter(({ isRequired }) => isRequired).map(({ path }) => path)).toEqual(required);
  });

  it('knows types', () => {
    const kinds = new Map(options.map(({ path, kind }) => [path, kind]));
    expect(['maxLength', 'lenient', 'device', 'data'].map((path) => kinds.get(path))).toEqual([
      { type: 'integer' },
      { type: 'boolean' },
      { type: 'choice', choices: ['cpu', 'webgpu', 'cuda'] },
      { type: 'texts' },
    ]);
    if (recipe !== 'sft') expect(kinds.get('beta')).toEqual({ type: 'number' });
    if (recipe !== 'score')
      expect([kinds.get('lora.targets'), kinds.get('lora.alpha')]).toEqual([{ type: 'list' }, { type: 'number' }]);
  });
});
