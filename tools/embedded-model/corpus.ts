import {
  heldOutPhrasing,
  isHeldOutFact,
  pick,
  trainedPhrasings,
  type Fact,
  type Relation,
} from '../../src/quickstart/index.ts';
import { createRandom, permutation, type Random } from '../../src/core/index.ts';
import { factRowExample, heldOutRow, otherExample, trainedFacts, type SftRow } from './conversations.ts';
import { proseDocument } from './prose.ts';
import { FULL_WORLD } from './world.ts';

export interface CorpusOptions {
  readonly seed: number;
  readonly pretrainDocuments: number;
  /** SFT rows of every kind, before exact repetitions are dropped. */
  readonly sftRows: number;
}

export const DEFAULT_CORPUS: CorpusOptions = { seed: 0, pretrainDocuments: 24_000, sftRows: 44_000 };

export interface Corpus {
  readonly pretrain: readonly string[];
  readonly sft: readonly SftRow[];
  readonly heldOut: readonly SftRow[];
  /** How many rows or documents were drawn again because they were there already. */
  readonly repeated: number;
}

/** One in four SFT rows is a conversation, a story or unknown. */
const SHARE_OF_OTHERS = 0.25;
/** A relation counts for at least this many facts, and its facts beyond MANY_FACTS for a third each. */
const FEW_FACTS = 5;
const MANY_FACTS = 60;

/** Yes/no questions and comparisons restate other facts in many pairs, and are asked a third as often. */
const DERIVED = /-(?:yes|no|more|less)$/;

/** How often a relation is asked, in units of one fact. */
export function relationWeight({ id, rows }: Relation): number {
  const count = rows.length;
  const weight = count <= MANY_FACTS ? Math.max(FEW_FACTS, count) : MANY_FACTS + (count - MANY_FACTS) / 3;
  return DERIVED.test(id) ? weight / 3 : weight;
}

function rowKey({ prompt, completion }: SftRow): string {
  return JSON.stringify([prompt, completion]);
}

/** The whole corpus. Deterministic in `options`: the same seed and sizes give the same bytes on every machine. */
export function buildCorpus(options: CorpusOptions): Corpus {
  const seen = new Set<string>();
  let repeated = 0;
  const fresh = <T>(draw: () => T, key: (item: T) => string): T | undefined => {
    for (let attempt = 0; attempt < 8; attempt++) {
      const item = draw();
      if (!seen.has(key(item))) {
        seen.add(key(item));
        return item;
      }
      repeated++;
    }
    return undefined;
  };
  const proseRandom = createRandom(options.seed, 'prose');
  const pretrain: string[] = [];
  while (pretrain.length < options.pretrainDocuments) {
    const text = fresh(
      () => proseDocument(proseRandom),
      (item) => item,
    );
    if (text !== undefined) pretrain.push(text);
  }

  const sft: SftRow[] = [];
  for (const draw of sftDraws(options)) {
    const row = fresh(draw, rowKey);
    if (row !== undefined) sft.push(row);
  }
  const order = permutation(sft.length, createRandom(options.seed, 'order'));
  const shuffled = Array.from(order, (index) => sft[index]!);
  return { pretrain, sft: shuffled, heldOut: heldOutQuestions(createRandom(options.seed, 'held out')), repeated };
}

/** What draws each SFT row: every relation's facts in rounds by weight, then the other kinds. */
function sftDraws({ seed, sftRows }: CorpusOptions): (() => SftRow)[] {
  const random = createRandom(seed, 'sft');
  const totalWeight = FULL_WORLD.reduce((sum, relation) => sum + relationWeight(relation), 0);
  const factRows = sftRows * (1 - SHARE_OF_OTHERS);
  const draws: (() => SftRow)[] = [];
  for (const relation of FULL_WORLD) {
    const count = Math.round((factRows * relationWeight(relation)) / totalWeight);
    const facts = trainedFacts(relation);
    const offset = random.nextInt(facts.length);
    for (let i = 0; i < count; i++) draws.push(() => factRowExample(facts[(offset + i) % facts.length]!, random));
  }
  while (draws.length < sftRows) draws.push(() => otherExample(random));
  return draws;
}

/**
 * Held-out questions: for every relation, two trained facts in the phrasing that training never uses (`phrasing/...`), and
 * every fact that training never asks, in a trained phrasing (`fact/...`).
 */
function heldOutQuestions(random: Random): SftRow[] {
  const rows: SftRow[] = [];
  const add = (kind: string, fact: Fact, phrasing: string): void => {
    const row = heldOutRow(fact, phrasing, random);
    rows.push({ ...row, id: `${kind}/${row.id}` });
  };
  for (const relation of FULL_WORLD) {
    const phrasing = heldOutPhrasing(relation);
    const facts = trainedFacts(relation);
    if (phrasing !== undefined) {
      const [first, second] = permutation(facts.length, random);
      add('phrasing', facts[first!]!, phrasing);
      if (second !== undefined) add('phrasing', facts[second]!, phrasing);
    }
    relation.rows.forEach((_, index) => {
      const fact = { relation, index };
      if (isHeldOutFact(fact)) add('fact', fact, pick(trainedPhrasings(relation), random));
    });
  }
  return rows;
}
