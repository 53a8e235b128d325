import { describe, expect, it } from 'vitest';
import { WORLD } from './knowledge/world.ts';
import {
  askFact,
  heldOutPhrasing,
  isHeldOutFact,
  relationTable,
  trainedPhrasings,
  uniqueBy,
  yesNo,
} from './relation.ts';
import { fillTemplate } from './template.ts';

describe('table', () => {
  it('reads rows by column name', () => {
    expect(relationTable('a b', ' x|1\ny|2 ')).toEqual([
      { a: 'x', b: '1' },
      { a: 'y', b: '2' },
    ]);
  });

  it('refuses a ragged line', () => {
    expect(() => relationTable('a b', 'x|1\ny')).toThrow("internal: table of a b: the line 'y' is ragged");
  });
});

it('uniqueBy keeps values that no other row has', () => {
  expect(uniqueBy(relationTable('a b', 'x|1\ny|2\nz|1\nw|-'), 'b')).toEqual([{ a: 'y', b: '2' }]);
});

it('yesNo says a true value for yes and a differing one for no', () => {
  const [yes, no] = yesNo({
    id: 'is-color',
    topic: 'colors',
    rows: relationTable('thing color', 'snow|white\ngrass|green\nmilk|white'),
    value: 'color',
    ask: ['Is {thing} {said}?'],
    truth: '{thing} is {color}',
  });
  expect(yes!.rows.map((row) => row.said)).toEqual(['white', 'green', 'white']);
  expect(no!.rows.map((row) => row.said)).toEqual(['green', 'white', 'green']);
  expect(fillTemplate(no!.full[0]!, no!.rows[0]!)).toBe('No, snow is white.');
});

describe('the world', () => {
  it('gives every question one meaning', () => {
    const meanings = new Map<string, string>();
    const conflicts: string[] = [];
    for (const relation of WORLD) {
      relation.rows.forEach((_, index) => {
        for (const phrasing of relation.ask) {
          const question = askFact({ relation, index }, phrasing);
          const fact = `${relation.id}/${index}`;
          const earlier = meanings.get(question);
          if (earlier !== undefined && earlier !== fact) conflicts.push(`${question}: ${earlier} and ${fact}`);
          meanings.set(question, fact);
        }
      });
    }
    expect(conflicts).toEqual([]);
  });

  it('has relation ids of its own, and every template fills from every row, in ASCII, with a mark at the end', () => {
    expect(new Set(WORLD.map((relation) => relation.id)).size).toBe(WORLD.length);
    const wrong: string[] = [];
    for (const { ask, curt, full, follow = [], rows } of WORLD) {
      for (const row of rows) {
        for (const template of [...ask, ...curt, ...full, ...follow]) {
          const text = fillTemplate(template, row);
          if (!/^[\x20-\x7e]+$/.test(text) || /[{}|]| {2}/.test(text)) wrong.push(text);
        }
        for (const template of [...curt, ...full]) {
          const text = fillTemplate(template, row);
          if (!/[.!?]$/.test(text)) wrong.push(text);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('keeps one phrasing in relations of four or more, and about one fact in twenty', () => {
    const capital = WORLD.find((relation) => relation.id === 'capital')!;
    expect(heldOutPhrasing(capital)).toBe('What city is the capital of {country}?');
    expect(trainedPhrasings(capital)).not.toContain('What city is the capital of {country}?');
    const facts = WORLD.flatMap((relation) => relation.rows.map((_, index) => ({ relation, index })));
    const share = facts.filter(isHeldOutFact).length / facts.length;
    expect(share).toBeGreaterThan(0.03);
    expect(share).toBeLessThan(0.07);
  });
});
