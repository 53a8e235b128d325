import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../src/core/index.ts';
import { listCheckpoints } from '../src/store/index.ts';
import { DETECTOR_NAMES, diagnose, readRunLog, type DetectorName, type RunFinding } from '../src/monitor/index.ts';
import { buildCli, preftune } from './support/built-cli.ts';
import { metricLines, runDpo, runSft } from './support/training.ts';
import { temporaryFolder, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** Every check on a real run that was made to have the fault, on a random model of 16 dimensions. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const random = createRandom(1, 'monitor');
let main: string;

function word(length: number): string {
  return Array.from({ length }, () => 'abcdefghijklmnop'[random.nextInt(16)]).join('');
}

/** `NAME.jsonl` to train on, and `NAME-held-out.jsonl`. */
function writePairs(name: string, counts: readonly [number, number], answers: () => readonly [string, string]): void {
  counts.forEach((count, index) => {
    const rows = Array.from({ length: count }, (_, i) => {
      const [chosen, rejected] = answers();
      return { prompt: `say ${i}`, chosen, rejected };
    });
    writeRows(at(`${name}${index === 0 ? '' : '-held-out'}.jsonl`), rows);
  });
}

beforeAll(async () => {
  main = buildCli();
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  await writeTinyModel(at('other'), { hidden: 16, layers: 1, seed: 9 });
  writePairs('style', [48, 24], () => [`yes, ${word(4)} it is!`, `no ${word(4)}.`]);
  writePairs('random', [24, 24], () => [word(8), word(8)]);
  writePairs('near', [48, 24], () => {
    const start = word(12);
    return [`${start}a`, `${start}b`];
  });
  writePairs('longer', [48, 48], () => {
    const length = 2 + random.nextInt(4);
    return [word(length + random.nextInt(60)), word(length)];
  });
  const broken = Array.from({ length: 60 }, () => String.fromCodePoint(33 + random.nextInt(90))).join('');
  writeRows(
    at('spikes.jsonl'),
    Array.from({ length: 110 }, (_, i) => ({
      prompt: `say ${i}`,
      completion: i === 85 || i === 101 ? broken : 'aaaaaaaaaaaaaaa',
    })),
  );
  await train('sft', { model: at('model'), data: 'near', full: true, learningRate: 1e-2, epochs: 4, run: 'near-sft' });
}, 120_000);
afterAll(folder.remove);

interface FaultRun {
  readonly model?: string;
  readonly data: string;
  readonly run: string;
  /** Trains every weight instead of an adapter. */
  readonly full?: boolean;
  readonly [option: string]: unknown;
}

async function train(recipe: 'dpo' | 'sft', { data, run, full = false, ...options }: FaultRun) {
  const heldOut = at(`${data}-held-out.jsonl`);
  const given = {
    model: at('model'),
    batchSize: 4,
    checkpointSteps: 1000,
    // What goes wrong here was found on texts as they stand.
    textRows: 'raw',
    ...(existsSync(heldOut) ? { heldOut, evaluateSteps: 10 } : {}),
    ...(full ? { method: 'full' } : options['adapter'] === undefined ? { lora: { rank: 4, alpha: 8 } } : {}),
    ...(recipe === 'sft' && data !== 'spikes' ? { chosenOfPairs: true } : {}),
    data: at(`${data}.jsonl`),
    output: at(run),
    ...options,
  };
  return (recipe === 'dpo' ? runDpo : runSft)(given, { folder: at('cache') });
}

async function findingsOf(recipe: 'dpo' | 'sft', options: FaultRun): Promise<readonly RunFinding[]> {
  const { result } = await train(recipe, options);
  // Afterwards the folder says the same.
  const { records, facts } = readRunLog(at(options.run));
  expect(diagnose(records, facts)).toEqual(result.verdict);
  return result.verdict.findings;
}

function found(findings: readonly RunFinding[], name: DetectorName): RunFinding {
  const finding = findings.find((one) => one.name === name);
  if (finding === undefined) throw new Error(`${name} must fire, these did: ${findings.map((one) => one.name).join()}`);
  return finding;
}

function stateOf(name: string) {
  const { records, facts } = readRunLog(join(import.meta.dirname, `fixtures/monitor/trl-${name}.json`));
  return diagnose(records, facts);
}

function cli(line: string) {
  return preftune(main, line.split(' '), { cwd: folder.path, environment: { XDG_CACHE_HOME: at('cache') } });
}

describe('runs that go well', () => {
  it('raise nothing: an adapter, and supervised training', async () => {
    expect(await findingsOf('dpo', { data: 'style', learningRate: 5e-4, epochs: 3, run: 'well' })).toEqual([]);
    const { records, facts } = readRunLog(at('near-sft'));
    expect(diagnose(records, facts).findings).toEqual([]);
  });
});

describe('a loss without a reference', () => {
  it('is not taken for one with a wrong reference', async () => {
    const { result } = await train('dpo', {
      data: 'style',
      objective: 'simpo',
      learningRate: 5e-4,
      epochs: 1,
      run: 'simpo',
    });
    const { findings, unjudged } = result.verdict;
    expect(findings).toEqual([]);
    expect(unjudged).toEqual(
      ['rejected-alone', 'kl', 'wrong-reference'].map((name) => ({ name, reason: 'the loss has no reference' })),
    );
    // One that is rewarded by how likely answers are has rewards far from 0 from the start on.
    expect(Math.abs(metricLines(at('simpo'))[0]!['eval_rewards/chosen'] as number)).toBeGreaterThan(1);
  });
});

describe('runs that were made to go wrong', () => {
  it('chosen-falling and rejected-alone: answers that are nearly the same, after training on the chosen ones', async () => {
    const findings = await findingsOf('dpo', {
      model: at('near-sft', 'model'),
      data: 'near',
      full: true,
      learningRate: 5e-3,
      epochs: 4,
      run: 'near-dpo',
    });
    const last = metricLines(at('near-dpo')).at(-1) as Record<string, number>;
    expect(last['eval_rewards/accuracies']).toBeGreaterThan(0.9);
    const falling = found(findings, 'chosen-falling');
    // 14 scored tokens: 13 letters and the stop token.
    expect(falling.values['fallPerToken']).toBeCloseTo(falling.values['fall']! / 14, 12);
    expect(falling.values['fallPerToken']).toBeGreaterThan(0.15);
    const alone = found(findings, 'rejected-alone');
    expect(alone.values['chosen']).toBeLessThan(-0.5 * alone.values['margin']!);
    expect(alone.evidence).toMatch(
      /^rewards\/chosen of held-out rows 0 \(step 0\), -[\d.]+ \(step \d+\); rewards\/rejected .*: a margin of [\d.]+$/,
    );
  });

  it('overfitting: answers without a pattern, many times', async () => {
    const { step, values } = found(
      await findingsOf('dpo', { data: 'random', full: true, learningRate: 1e-2, epochs: 10, run: 'by-heart' }),
      'overfitting',
    );
    expect(values['training']).toBe(1);
    expect(values['last']).toBeGreaterThanOrEqual(values['best']!);
    expect(step).toBeGreaterThan(values['bestStep']!);
  });

  it('overfitting of supervised training', async () => {
    const options = { data: 'random', full: true, learningRate: 1e-2, epochs: 30, run: 'by-heart-sft' } as const;
    const { values } = found(await findingsOf('sft', options), 'overfitting');
    expect(values['last']).toBeGreaterThan(1.05 * values['best']!);
  });

  it('length: answers without a pattern, the longer one chosen', async () => {
    const options = { data: 'longer', full: true, learningRate: 1e-3, epochs: 3, run: 'longer' } as const;
    const { values, evidence } = found(await findingsOf('dpo', options), 'length');
    expect(values['correlation']).toBeGreaterThan(0.7);
    expect(evidence).toMatch(
      /^margin and difference in length of held-out pairs correlate 0\.\d{4} at step 20: longer answers get more$/,
    );
  });

  it('gradient-spikes: broken rows among simple ones', async () => {
    const findings = await findingsOf('sft', {
      data: 'spikes',
      full: true,
      learningRate: 1e-2,
      batchSize: 1,
      order: 'sequential',
      epochs: 1,
      run: 'spikes',
    });
    expect(findings.map(({ name, step }) => [name, step])).toEqual([['gradient-spikes', 86]]);
    expect(findings[0]!.values['highest']).toBeGreaterThan(50);
  });

  it('dead-adapter: an adapter whose scale is nearly nothing', async () => {
    const options = { data: 'style', lora: { rank: 4, alpha: 1e-9 }, learningRate: 1e-3, epochs: 2, run: 'dead' };
    const findings = await findingsOf('dpo', options);
    expect(findings.map(({ name, step }) => [name, step])).toEqual([['dead-adapter', 6]]);
    expect(findings[0]!.values['gradient']).toBeLessThan(1e-6);
  });

  it('wrong-reference: another model', async () => {
    const options = { data: 'style', reference: at('other'), learningRate: 5e-5, epochs: 1, run: 'other-reference' };
    const findings = await findingsOf('dpo', options);
    expect(findings.map(({ name, step }) => [name, step])).toEqual([['wrong-reference', 0]]);
    expect(findings[0]!.evidence).toMatch(
      /^step 0, held-out rows: rewards -?[\d.]+ and -?[\d.]+ instead of 0, loss [\d.]+ instead of 0\.6931$/,
    );
  });

  it('learning-rate-too-high, and kl and entropy-collapse with it', async () => {
    const findings = await findingsOf('dpo', { data: 'random', full: true, learningRate: 1, epochs: 3, run: 'high' });
    const { values } = found(findings, 'learning-rate-too-high');
    expect(values['first']).toBe(Math.LN2);
    expect(values['now']).toBeGreaterThan(1.5 * Math.LN2);
    const kl = found(findings, 'kl');
    const { 'eval_rewards/chosen': chosen, 'eval_rewards/rejected': rejected } = metricLines(at('high')).find(
      (line) => line['step'] === kl.step && 'eval_loss' in line,
    ) as Record<string, number>;
    // With beta 0.1, ten times the mean reward.
    expect(kl.values).toEqual({
      beta: 0.1,
      nats: -(chosen! + rejected!) / 0.2,
      margin: expect.closeTo(10 * (chosen! - rejected!), 9),
    });
    expect(kl.values['nats']).toBeGreaterThan(20);
    const entropy = found(findings, 'entropy-collapse');
    expect(entropy.values['now']).toBeLessThan(0.5 * entropy.values['first']!);
  });

  it('learning-rate-too-low, of pairs and of supervised training', async () => {
    const pairs = await findingsOf('dpo', { data: 'style', learningRate: 5e-6, epochs: 4, run: 'low' });
    // Three quarters of 48 steps.
    expect(pairs.map(({ name, step }) => [name, step])).toEqual([['learning-rate-too-low', 36]]);
    const answers = await findingsOf('sft', {
      data: 'near',
      full: true,
      learningRate: 1e-8,
      epochs: 4,
      run: 'low-sft',
    });
    expect(answers.map(({ name, step }) => [name, step])).toEqual([['learning-rate-too-low', 36]]);
  });
});

describe('runs of TRL', () => {
  it('that goes well raises nothing, and what was not logged is not judged', () => {
    const { findings, unjudged } = stateOf('well');
    expect(findings).toEqual([]);
    expect(unjudged).toEqual([{ name: 'length', reason: 'no lengths were logged' }]);
  });

  it.each([
    ['rate-too-high', 'learning-rate-too-high'],
    ['rate-too-low', 'learning-rate-too-low'],
    ['by-heart', 'overfitting'],
    ['other-reference', 'wrong-reference'],
  ] as const)('%s', (name, detector) => {
    expect(found(stateOf(name).findings, detector).name).toBe(detector);
  });
});

describe('--stop-on', () => {
  const start =
    'dpo --model model --reference other --data style.jsonl --threads 1 --rank 2 --batch-size 8 --held-out style-held-out.jsonl';

  it('ends the run with exit code 1, the reason and a checkpoint, and --resume goes on to the end', async () => {
    const stopped = await cli(`${start} --output stopped --stop-on kl,wrong-reference`);
    expect(stopped.code).toBe(1);
    expect(stopped.err).toMatch(
      /warning: step 0: the policy does not start at its reference \(wrong-reference\): step 0, held-out rows: rewards/,
    );
    expect(stopped.err.trimEnd().split('\n').at(-1)).toMatch(
      /dpo: stopped after step 1 of 6, which is saved and is what stopped\/adapter holds, because the policy does not start at its reference \(wrong-reference\): .*; or continue all the same with: npx preftune dpo --output stopped --resume$/,
    );
    expect(listCheckpoints(at('stopped')).map(({ step }) => step)).toEqual([1]);
    const resumed = await cli('dpo --output stopped --resume --stop-on all');
    expect(resumed.code).toBe(0);
    expect(resumed.out).toMatch(
      /^verdict: {2}1 of \d+ checks for known faults fired; the run is too short for \d others: the policy does not start at/m,
    );
    const whole = await cli(`${start} --output whole`);
    expect(whole.code).toBe(0);
    expect(metricLines(at('stopped'))).toEqual(metricLines(at('whole')));
  }, 120_000);

  it('puts the verdict first in report.html, with evidence, threshold, source and advice', () => {
    const html = readFileSync(at('stopped', 'report.html'), 'utf8');
    expect(html).toMatch(
      /<div class="verdict bad"><p class="text">1 of \d+ checks for known faults fired; the run is too short for \d others: the policy does not start at its reference\.<\/p>/,
    );
    expect(html.indexOf('id="checks"')).toBeLessThan(html.indexOf('id="figures"'));
    expect(html).toContain('arXiv 2305.18290, equation 7');
    expect(html).toContain('<th scope="row">threshold</th><td class="value">a reward further from 0 than 0.1 nats');
  });

  it('diagnose says the same afterwards, and other thresholds change it', async () => {
    const told = JSON.parse((await cli('diagnose stopped --json')).out) as Record<string, unknown>;
    expect(told).toMatchObject({
      file: 'stopped/metrics.jsonl',
      step: 6,
      findings: [{ name: 'wrong-reference', step: 0 }],
    });
    const text = (await cli('diagnose stopped')).out;
    expect(text.split('\n').slice(0, 3)).toEqual([
      expect.stringMatching(
        /^1 of \d+ checks for known faults fired; the run is too short for \d others: the policy does not start at its reference\. .*3 samples show little\.$/,
      ),
      '',
      'the policy does not start at its reference (wrong-reference, step 0)',
    ]);
    const raised = await preftune(
      main,
      ['diagnose', 'stopped', '--monitor', '{"wrong-reference": {"nats": 90, "loss": 9}}'],
      { cwd: folder.path },
    );
    expect(raised.out).toMatch(/^None of 9 checks for known faults fired; the run is too short for 2 others\. /);
  });

  it('names what it does not know', async () => {
    const wrong = await cli(`${start} --output wrong --stop-on kl,lenght`);
    expect([wrong.code, wrong.err.trimEnd()]).toEqual([
      2,
      expect.stringContaining(
        `--stop-on must be one of ${DETECTOR_NAMES.length + 1} choices, got "lenght"; did you mean length? there are ${DETECTOR_NAMES.join(', ')}, all`,
      ),
    ]);
    const missing = await cli('diagnose nowhere');
    expect([missing.code, missing.err]).toEqual([
      2,
      expect.stringContaining(
        'nowhere: must be a run folder, a metrics.jsonl or a trainer_state.json, it does not exist',
      ),
    ]);
    const none = await cli('diagnose model');
    expect([none.code, none.err]).toEqual([
      2,
      expect.stringContaining(
        'model: must hold metrics.jsonl or trainer_state.json, it holds neither; name a run folder',
      ),
    ]);
  });
});
