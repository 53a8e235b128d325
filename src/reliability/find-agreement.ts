import {
  cohenKappaInterval,
  fleissKappaInterval,
  krippendorffAlphaInterval,
  meanOf,
  signTest,
  wilsonInterval,
  type BootstrapResult,
  type Interval,
} from '../statistics/index.ts';
import { type JsonObject, percent } from '../core/index.ts';
import { counted, type DataFinding } from './finding.ts';
import type { Ratings } from './ratings.ts';
import { forEachGroup, type RowTable } from './row-table.ts';

/** A coefficient of agreement; `estimate` is null where it is not defined. */
export interface Coefficient {
  readonly name: string;
  readonly estimate: number | null;
  readonly interval: Interval | null;
  /** Items that it is computed of. */
  readonly items: number;
}

/** One annotator against the others. */
export interface AnnotatorCard {
  readonly name: string;
  readonly ratings: number;
  /** Items that others judged too, and how often their majority (without this annotator; ties left out) says the same. */
  readonly shared: number;
  readonly agreement: number | null;
  readonly interval: Interval | null;
  /** How often the answer shown first was taken, and the longer one; null where that is not known. */
  readonly firstShown: number | null;
  readonly longer: number | null;
  /** What is odd about them; empty for most. */
  readonly remarks: readonly string[];
}

export interface Agreement {
  readonly coefficients: readonly Coefficient[];
  readonly annotators: readonly AnnotatorCard[];
  /** Ratings by named annotators, the items among them that at least two judged, and how often two of them agree. */
  readonly ratings: number;
  readonly sharedItems: number;
  readonly rawAgreement: number | null;
}

interface Item {
  readonly annotators: readonly number[];
  readonly values: readonly number[];
}

/** Bootstrap intervals are drawn from at most so many items; the estimate then is of the same ones. */
const MAX_ITEMS = 5000;
const RESAMPLES = 500;

/** Below so many shared or counted ratings nothing is said about a person. */
const MIN_SHARED = 8;
const MIN_SIDES = 20;

/** Everything about agreement; undefined when no row names who judged it. */
export function agreementOf(table: RowTable, ratings: Ratings, seed: number): Agreement | undefined {
  if (ratings.count === 0) return undefined;
  const items: Item[] = [];
  forEachGroup(ratings.item, (group) => {
    // One person who judged the same twice counts once, with the first judgement.
    const values = new Map<number, number>();
    for (const index of group) {
      const who = ratings.annotator[index]!;
      if (!values.has(who)) values.set(who, ratings.value[index]!);
    }
    if (values.size > 1) items.push({ annotators: [...values.keys()], values: [...values.values()] });
  });
  return {
    coefficients: coefficientsOf(items.slice(0, MAX_ITEMS), { isGraded: ratings.isGraded, seed }),
    annotators: annotatorCards(table, ratings, items),
    ratings: ratings.count,
    sharedItems: items.length,
    rawAgreement: pairwiseAgreement(items),
  };
}

function coefficientsOf(items: readonly Item[], options: { isGraded: boolean; seed: number }): Coefficient[] {
  const draw = { seed: options.seed, resamples: RESAMPLES };
  const units = items.map(({ values }) => values);
  const signs = units.map((values) => values.map(Math.sign));
  const nominal = options.isGraded ? signs : units;
  const alpha = (measurement: 'nominal' | 'ordinal' | 'interval', of: readonly (readonly number[])[]): Coefficient =>
    named(`Krippendorff alpha, ${measurement}`, krippendorffAlphaInterval(of, { ...draw, measurement }), of.length);
  const coefficients = [alpha('nominal', nominal)];
  if (options.isGraded) coefficients.push(alpha('ordinal', units), alpha('interval', units));
  const fleiss = equalSizes(nominal);
  coefficients.push(named('Fleiss kappa', fleissKappaInterval(countsOf(fleiss), draw), fleiss.length));
  const two = busiestPair(items);
  if (two !== undefined) {
    const [first, second] = [0, 1].map((side) => two.map((pair) => pair[side]!)) as [number[], number[]];
    const signed = (values: number[]): number[] => (options.isGraded ? values.map(Math.sign) : values);
    const cohen = (weights: 'none' | 'linear' | 'quadratic', name: string): Coefficient =>
      weights === 'none'
        ? named(name, cohenKappaInterval(signed(first), signed(second), draw), two.length)
        : named(name, cohenKappaInterval(first, second, { ...draw, weights }), two.length);
    coefficients.push(cohen('none', 'Cohen kappa, the pair with most in common'));
    if (options.isGraded)
      coefficients.push(cohen('linear', 'the same, linear weights'), cohen('quadratic', 'the same, quadratic weights'));
  }
  return coefficients;
}

function named(name: string, { estimate, interval }: BootstrapResult, items: number): Coefficient {
  return { name, estimate, interval, items };
}

/** The items of the most frequent number of ratings: Fleiss' kappa takes no others. */
function equalSizes(units: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const sizes = new Map<number, number>();
  for (const { length } of units) sizes.set(length, (sizes.get(length) ?? 0) + 1);
  const [size] = [...sizes].toSorted((a, b) => b[1] - a[1])[0] ?? [0];
  return units.filter(({ length }) => length === size);
}

function countsOf(units: readonly (readonly number[])[]): number[][] {
  const values = [...new Set(units.flat())];
  return units.map((unit) => values.map((value) => unit.filter((other) => other === value).length));
}

/** The labels of the two annotators who share the most items. */
function busiestPair(items: readonly Item[]): [number, number][] | undefined {
  const pairs = new Map<string, [number, number][]>();
  for (const { annotators, values } of items) {
    for (let i = 0; i < annotators.length; i++) {
      for (let j = i + 1; j < annotators.length; j++) {
        const [a, b] = annotators[i]! < annotators[j]! ? [i, j] : [j, i];
        const key = `${annotators[a]} ${annotators[b]}`;
        const list = pairs.get(key) ?? [];
        list.push([values[a]!, values[b]!]);
        pairs.set(key, list);
      }
    }
  }
  return [...pairs.values()].toSorted((a, b) => b.length - a.length)[0];
}

function pairwiseAgreement(items: readonly Item[]): number | null {
  return meanOf(
    items.map(({ values }) => {
      let equal = 0;
      for (let i = 0; i < values.length; i++)
        for (let j = 0; j < i; j++) if (Math.sign(values[i]!) === Math.sign(values[j]!)) equal++;
      return equal / ((values.length * (values.length - 1)) / 2);
    }),
  );
}

function annotatorCards(table: RowTable, ratings: Ratings, items: readonly Item[]): AnnotatorCard[] {
  const cards = table.annotators.map(() => ({ ratings: 0, shared: 0, agreed: 0, sides: [0, 0], longer: [0, 0] }));
  for (let index = 0; index < ratings.count; index++) {
    const card = cards[ratings.annotator[index]!]!;
    card.ratings++;
    if (ratings.side[index]! < 2) card.sides[ratings.side[index]!]!++;
    if (ratings.longer[index]! < 2) card.longer[ratings.longer[index]!]!++;
  }
  for (const { annotators, values } of items) {
    annotators.forEach((who, own) => {
      const majority = Math.sign(values.reduce((sum, value, other) => sum + (other === own ? 0 : Math.sign(value)), 0));
      if (majority === 0) return;
      cards[who]!.shared++;
      if (Math.sign(values[own]!) === majority) cards[who]!.agreed++;
    });
  }
  return cards
    .map(({ ratings: count, shared, agreed, sides, longer }, index): AnnotatorCard => {
      const interval = wilsonInterval(agreed, shared);
      const remarks: string[] = [];
      if (shared >= MIN_SHARED && interval!.high < 0.5)
        remarks.push(`disagrees with the others in ${percent(1 - agreed / shared)} of ${shared} shared judgements`);
      const remark = lean(sides, (share) => `takes the answer shown ${share > 0.5 ? 'first' : 'second'}`);
      const length = lean(longer, (share) => `takes the ${share > 0.5 ? 'longer' : 'shorter'} answer`);
      return {
        name: table.annotators[index]!,
        ratings: count,
        shared,
        interval,
        agreement: shared === 0 ? null : agreed / shared,
        firstShown: shareOf(sides[0]!, sides[1]!),
        longer: shareOf(longer[1]!, longer[0]!),
        remarks: [...remarks, ...remark(sides[0]!), ...length(longer[1]!)],
      };
    })
    .filter(({ ratings: count }) => count > 0)
    .toSorted((a, b) => b.ratings - a.ratings);
}

/** What to say of someone who takes one side in 19 of 20 cases or more: nothing that chance explains. */
function lean(counts: readonly number[], say: (share: number) => string): (taken: number) => string[] {
  const all = counts[0]! + counts[1]!;
  return (taken) => {
    const share = taken / all;
    if (all < MIN_SIDES || Math.max(share, 1 - share) < 0.95 || signTest(counts[0]!, counts[1]!)! > 1e-3) return [];
    return [`${say(share)} in ${percent(Math.max(share, 1 - share))} of ${all} cases`];
  };
}

function shareOf(part: number, rest: number): number | null {
  return part + rest === 0 ? null : part / (part + rest);
}

/** Weak agreement, and annotators who stand out. */
export function findAgreement(agreement: Agreement | undefined, table: RowTable, ratings: Ratings): DataFinding[] {
  if (agreement === undefined) return [];
  const findings: DataFinding[] = [];
  const { coefficients, annotators, sharedItems, rawAgreement } = agreement;
  const alpha = coefficients[0]!;
  if (sharedItems > 0) {
    const range =
      alpha.interval === null ? '' : ` (${alpha.interval.low.toFixed(2)} to ${alpha.interval.high.toFixed(2)})`;
    const value = alpha.estimate === null ? 'is not defined' : `is ${alpha.estimate.toFixed(2)}${range}`;
    const isWeak = alpha.estimate !== null && alpha.estimate < 0.4;
    findings.push({
      kind: 'annotator-agreement',
      severity: alpha.estimate === null ? 'note' : alpha.estimate < 0.2 ? 'serious' : isWeak ? 'warning' : 'note',
      count: sharedItems,
      sentence: `on ${counted(sharedItems, 'item')} that several people judged two of them agree in ${percent(rawAgreement!)}; Krippendorff's alpha ${value}`,
      advice: isWeak
        ? 'sharpen the instructions, and train on items where most agree; no model can agree with these labels more than people do'
        : 'this is the ceiling of any accuracy on these labels',
      places: new Float64Array(0),
      values: { alpha: alpha.estimate, rawAgreement, items: sharedItems } satisfies JsonObject,
    });
  }
  const odd = annotators.filter(({ remarks }) => remarks.length > 0);
  if (odd.length > 0) {
    const names = new Set(odd.map(({ name }) => table.annotators.indexOf(name)));
    const rows = new Set<number>();
    ratings.annotator.forEach((who, index) => names.has(who) && rows.add(ratings.row[index]!));
    const said = odd.slice(0, 5).map(({ name, remarks }) => `${name} ${remarks.join(' and ')}`);
    findings.push({
      kind: 'annotators',
      severity: 'warning',
      count: odd.length,
      sentence: `${counted(odd.length, 'annotator')} of ${annotators.length} stand${odd.length === 1 ? 's' : ''} out: ${said.join('; ')}${odd.length > 5 ? `; and ${odd.length - 5} more` : ''}`,
      advice: 'talk to them, or leave their rows out: preftune data clean --apply annotators',
      places: table.place.filter((_, row) => rows.has(row)),
      values: Object.fromEntries(odd.map(({ name, remarks }) => [name, remarks.join('; ')])),
    });
  }
  return findings;
}
