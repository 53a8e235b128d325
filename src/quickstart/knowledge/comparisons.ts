import type { Relation, Topic } from '../relation.ts';
import type { Row } from '../template.ts';

export interface Comparison {
  readonly id: string;
  readonly topic: Topic;
  /** Countable nouns, least first; no two are equal. */
  readonly ordered: readonly string[];
  /** The comparative of the order (`bigger`) and its opposite (`smaller`). */
  readonly more: string;
  readonly less: string;
  /** What they all are: `animal`. */
  readonly noun: string;
}

/**
 * Questions about every pair of an ordered list, in both orders of mention: which of two is more, which is less, and whether the
 * first is more than the second (yes for half of the pairs, no for the other half).
 */
export function comparisons({ id, topic, ordered, more, less, noun }: Comparison): Relation[] {
  const pairs: Row[] = [];
  ordered.forEach((low, lowIndex) => {
    for (const high of ordered.slice(lowIndex + 1)) {
      pairs.push({ low, high, first: low, second: high }, { low, high, first: high, second: low });
    }
  });
  const which = (word: string): string[] => [
    `Which is ${word}, {first|a} or {second|a}?`,
    `What is ${word}, {first|a} or {second|a}?`,
    `Which ${noun} is ${word}, {first|a} or {second|a}?`,
    `Is {first|a} or {second|a} ${word}?`,
  ];
  const whether = [`Is {first|a} ${more} than {second|a}?`, `Is it true that {first|a} is ${more} than {second|a}?`];
  const truth = [`{high|a} is ${more} than {low|a}`, `{low|a} is ${less} than {high|a}`];
  return [
    { id: `${id}-more`, topic, rows: pairs, ask: which(more), curt: ['{high|a}.'], full: [`${truth[0]}.`] },
    { id: `${id}-less`, topic, rows: pairs, ask: which(less), curt: ['{low|a}.'], full: [`${truth[1]}.`] },
    {
      id: `${id}-yes`,
      topic,
      rows: pairs.filter((row) => row.first === row.high),
      ask: whether,
      curt: ['Yes.'],
      full: [`Yes, ${truth[0]}.`],
    },
    {
      id: `${id}-no`,
      topic,
      rows: pairs.filter((row) => row.first === row.low),
      ask: whether,
      curt: ['No.'],
      full: [`No, ${truth[1]}.`],
    },
  ];
}
