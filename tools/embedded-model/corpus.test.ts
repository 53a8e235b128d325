import { describe, expect, it } from 'vitest';
import { askFact, heldOutPhrasing, isHeldOutFact } from '../../src/quickstart/index.ts';
import { buildCorpus } from './corpus.ts';
import type { SftRow } from './conversations.ts';
import { corpusStatistics } from './statistics.ts';
import { FULL_WORLD } from './world.ts';

const OPTIONS = { seed: 0, pretrainDocuments: 1500, sftRows: 6000 };
const corpus = buildCorpus(OPTIONS);
const textsOf = (row: SftRow): string[] => [...row.prompt, ...row.completion].map((message) => message.content);
const lastQuestion = (row: SftRow): string => row.prompt.at(-1)!.content;
const askedInTraining = new Set(
  corpus.sft.flatMap((row) => row.prompt.filter((message) => message.role === 'user').map((turn) => turn.content)),
);

describe('buildCorpus', () => {
  it('is the same for the same seed and differs for another', () => {
    expect(buildCorpus(OPTIONS)).toEqual(corpus);
    expect(buildCorpus({ ...OPTIONS, seed: 1 }).pretrain[0]).not.toBe(corpus.pretrain[0]);
  });

  it('has no row and no document twice', () => {
    expect(new Set(corpus.pretrain).size).toBe(1500);
    expect(new Set(corpus.sft.map((row) => JSON.stringify([row.prompt, row.completion]))).size).toBe(corpus.sft.length);
    expect(corpus.sft.length).toBeGreaterThan(5800);
  });

  it('writes printable ASCII only, no empty turn, and no slot left open', () => {
    const texts = [...corpus.pretrain, ...corpus.sft.flatMap(textsOf), ...corpus.heldOut.flatMap(textsOf)];
    expect(texts.filter((text) => !/^[\x20-\x7e]+$/.test(text) || text.trim() === '' || /[{}|]/.test(text))).toEqual(
      [],
    );
  });

  it('alternates user and assistant after an optional system message, and completes with one assistant turn', () => {
    const roles = new Set(
      corpus.sft.map((row) => [...row.prompt, ...row.completion].map((message) => message.role[0]).join('')),
    );
    expect([...roles].toSorted()).toEqual(['sua', 'ua', 'uaua', 'uauaua']);
  });

  it('is curt and friendly about evenly', () => {
    const { curtShare, multiTurnShare, systemShare } = corpusStatistics(corpus);
    expect(Math.abs(curtShare - 0.5)).toBeLessThan(0.08);
    expect(multiTurnShare).toBeGreaterThan(0.12);
    expect(systemShare).toBeGreaterThan(0.05);
  });
});

describe('the held-out questions', () => {
  const phrasing = corpus.heldOut.filter((row) => row.id.startsWith('phrasing/'));
  const facts = corpus.heldOut.filter((row) => row.id.startsWith('fact/'));

  it('are never asked in training', () => {
    expect(phrasing.length).toBeGreaterThan(150);
    expect(facts.length).toBeGreaterThan(100);
    expect(corpus.heldOut.map(lastQuestion).filter((question) => askedInTraining.has(question))).toEqual([]);
  });

  it('hold every phrasing and every fact that training keeps out, so that no training question uses one', () => {
    const kept = new Set<string>();
    for (const relation of FULL_WORLD) {
      const last = heldOutPhrasing(relation);
      relation.rows.forEach((_, index) => {
        const fact = { relation, index };
        if (last !== undefined) kept.add(askFact(fact, last));
        if (isHeldOutFact(fact)) for (const ask of relation.ask) kept.add(askFact(fact, ask));
      });
    }
    expect([...askedInTraining].filter((question) => kept.has(question))).toEqual([]);
  });
});

it('the full world gives every question one meaning', () => {
  const meanings = new Map<string, string>();
  const conflicts: string[] = [];
  for (const relation of FULL_WORLD) {
    relation.rows.forEach((_, index) => {
      for (const ask of relation.ask) {
        const question = askFact({ relation, index }, ask);
        const fact = `${relation.id}/${index}`;
        const earlier = meanings.get(question);
        if (earlier !== undefined && earlier !== fact) conflicts.push(`${question}: ${earlier} and ${fact}`);
        meanings.set(question, fact);
      }
    });
  }
  expect(conflicts).toEqual([]);
});
