/**
 * What the rule of experiments does where the truth is known: false alarms of streams without an effect that are looked at after every unit, with even and adaptive traffic and
 * with people who are silent because of what they got; and how many units a real effect takes, beside a test that looks once.
 *
 *     npx tsx bench/experiments.ts [STREAMS] [--output bench/results/experiments.json]
 */
import { writeFileSync } from 'node:fs';
import { createRandom, type Random } from '../src/core/index.ts';
import { effectSequence, fixedInterval, meanDifference, normalQuantile } from '../src/statistics/index.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const STREAMS = Number(process.argv.find((word) => /^\d+$/.test(word)) ?? 2000);
const UNITS = 2000;
const ALPHA = 0.05;
const at = process.argv.indexOf('--output');
const output = at === -1 ? undefined : process.argv[at + 1];

interface Unit {
  readonly outcome: number;
  /** Whether anything came; what a naive reader counts. */
  readonly isHeard: boolean;
}

interface Scenario {
  readonly name: string;
  readonly leastPropensity: number;
  propensity(means: { readonly candidate: number; readonly control: number }): number;
  unit(random: Random, isCandidate: boolean): Unit;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const coin = (random: Random, p: number): number => (random.nextFloat() < p ? 1 : 0);
const heard = (outcome: number): Unit => ({ outcome, isHeard: true });
const greedy: Scenario['propensity'] = ({ candidate, control }) => (candidate >= control ? 0.9 : 0.1);

const NULLS: readonly Scenario[] = [
  {
    name: 'even traffic, 10 % thumbs down in both arms',
    leastPropensity: 0.5,
    propensity: () => 0.5,
    unit: (random) => heard(coin(random, 0.1)),
  },
  {
    name: 'even traffic, half and half',
    leastPropensity: 0.5,
    propensity: () => 0.5,
    unit: (random) => heard(coin(random, 0.5)),
  },
  {
    name: 'adaptive traffic: nine in ten go where it looks better',
    leastPropensity: 0.1,
    propensity: greedy,
    unit: (random) => heard(coin(random, 0.3)),
  },
  {
    name: 'silence that depends on the outcome: of the unhappy the candidate silences most',
    leastPropensity: 0.5,
    propensity: () => 0.5,
    unit: (random, isCandidate) => {
      const isHappy = coin(random, 0.5) === 1;
      const isHeard = random.nextFloat() < (isHappy ? 0.3 : isCandidate ? 0.15 : 0.3);
      // Thumbs up, and 0 where nothing came.
      return { outcome: isHappy && isHeard ? 1 : 0, isHeard };
    },
  },
];

/** A z-test that is looked at after every hundred units: what many do. Of those who were heard alone, where `onlyHeard`. */
function createPeeker(onlyHeard: boolean) {
  const arms = [
    { units: 0, sum: 0, squares: 0 },
    { units: 0, sum: 0, squares: 0 },
  ];
  let isAlarmed = false;
  return {
    add: (isCandidate: boolean, { outcome, isHeard }: Unit, i: number): void => {
      if (!onlyHeard || isHeard) {
        const arm = arms[isCandidate ? 1 : 0]!;
        arm.units++;
        arm.sum += outcome;
        arm.squares += outcome * outcome;
      }
      if ((i + 1) % 100 !== 0) return;
      const contrast = meanDifference(arms[1]!, arms[0]!);
      if (contrast === null) return;
      const { low, high } = fixedInterval(contrast, ALPHA);
      if (low > 0 || high < 0) isAlarmed = true;
    },
    isAlarmed: () => isAlarmed,
  };
}

function falseAlarms(scenario: Scenario, seed: number) {
  const random = createRandom(seed, scenario.name);
  let [ours, peeking, naive] = [0, 0, 0];
  for (let stream = 0; stream < STREAMS; stream++) {
    const sequence = effectSequence({ alpha: ALPHA, leastPropensity: scenario.leastPropensity, gridSize: 2 });
    const [peeker, listener] = [createPeeker(false), createPeeker(true)];
    const sums = new Float64Array(4);
    const mean = (arm: number): number => sums[arm + 2]! / Math.max(1, sums[arm]!);
    for (let i = 0; i < UNITS; i++) {
      const propensity = scenario.propensity({ control: mean(0), candidate: mean(1) });
      const isCandidate = random.nextFloat() < propensity;
      const unit = scenario.unit(random, isCandidate);
      const arm = Number(isCandidate);
      sums[arm]!++;
      sums[arm + 2]! += unit.outcome;
      sequence.add({ isCandidate, propensity, outcome: unit.outcome });
      peeker.add(isCandidate, unit, i);
      listener.add(isCandidate, unit, i);
    }
    // The least p of all looks.
    if (sequence.pValue(0) <= ALPHA) ours++;
    if (peeker.isAlarmed()) peeking++;
    if (listener.isAlarmed()) naive++;
  }
  return {
    scenario: scenario.name,
    streams: STREAMS,
    unitsEach: UNITS,
    looks: UNITS,
    falseAlarms: ours / STREAMS,
    standardError: Math.sqrt((ALPHA * (1 - ALPHA)) / STREAMS),
    zTestEveryHundred: peeking / STREAMS,
    zTestOfWhoAnswered: naive / STREAMS,
  };
}

const EFFECTS = [
  { control: 0.1, candidate: 0.05 },
  { control: 0.2, candidate: 0.15 },
  { control: 0.5, candidate: 0.4 },
  { control: 0.5, candidate: 0.3 },
] as const;

/** Units of both arms that a test of one look needs for 80 % power at 5 %. */
function fixedUnits({ control, candidate }: (typeof EFFECTS)[number]): number {
  const z = normalQuantile(1 - ALPHA / 2) + normalQuantile(0.8);
  const variance = control * (1 - control) + candidate * (1 - candidate);
  return Math.ceil((2 * z * z * variance) / (control - candidate) ** 2);
}

function power(effect: (typeof EFFECTS)[number], seed: number) {
  const random = createRandom(seed, 'power');
  const fixed = fixedUnits(effect);
  const budget = 10 * fixed;
  const units: number[] = [];
  const runs = 300;
  let withinFixed = 0;
  for (let run = 0; run < runs; run++) {
    const sequence = effectSequence({ alpha: ALPHA, leastPropensity: 0.5, gridSize: 2 });
    for (let i = 1; i <= budget; i++) {
      const isCandidate = random.nextFloat() < 0.5;
      const outcome = coin(random, isCandidate ? effect.candidate : effect.control);
      sequence.add({ isCandidate, propensity: 0.5, outcome });
      if (sequence.pValue(0) > ALPHA) continue;
      units.push(i);
      if (i <= fixed) withinFixed++;
      break;
    }
  }
  const sorted = units.toSorted((a, b) => a - b);
  return {
    ...effect,
    fixedUnits: fixed,
    medianUnits: median(units),
    ninetiethUnits: sorted[Math.floor(0.9 * runs)] ?? null,
    decidedWithinTenTimes: units.length / runs,
    decidedWithinFixed: withinFixed / runs,
    medianOverFixed: median(units) / fixed,
  };
}

const began = performance.now();
const nulls = NULLS.map((scenario, place) => {
  const result = falseAlarms(scenario, 100 + place);
  print(
    `${result.scenario}: ${(100 * result.falseAlarms).toFixed(1)} % false alarms (z-test every 100 units: ${(100 * result.zTestEveryHundred).toFixed(1)} %, of who answered: ${(100 * result.zTestOfWhoAnswered).toFixed(1)} %)`,
  );
  return result;
});
const powers = EFFECTS.map((effect, place) => {
  const result = power(effect, 200 + place);
  print(
    `${effect.control} to ${effect.candidate}: median ${result.medianUnits} units to a decision, one look needs ${result.fixedUnits} for 80 % power (${result.medianOverFixed.toFixed(1)} times)`,
  );
  return result;
});
const seconds = (performance.now() - began) / 1000;
if (output !== undefined)
  writeFileSync(output, `${JSON.stringify({ machine: machine(), alpha: ALPHA, seconds, nulls, powers }, null, 2)}\n`);
const most = Math.max(...nulls.map(({ falseAlarms: share }) => share));
const limit = ALPHA + 3 * Math.sqrt((ALPHA * (1 - ALPHA)) / STREAMS);
if (most > limit) {
  print(`false alarms must be at most ${(100 * limit).toFixed(1)} %, got ${(100 * most).toFixed(1)} %`);
  process.exitCode = 1;
}
