import { describe, expect, test } from 'vitest';
import { FLAW_NAMES, flawsOf, type FlawContext, type FlawName, type SeenAnswer } from './flaws.ts';
import { openLanguageDetector } from './language.ts';

const detectLanguage = await openLanguageDetector();

function answer(text: string, more: Partial<SeenAnswer> = {}): SeenAnswer {
  return { text, tokens: Math.ceil(text.length / 4), ...more };
}

const flaws = (text: string, context: Partial<FlawContext> = {}, more: Partial<SeenAnswer> = {}): FlawName[] =>
  flawsOf(answer(text, more), {
    prompt: 'What do llamas eat in winter, and who feeds them?',
    detectLanguage,
    ...context,
  });

const SOUND = 'Llamas eat hay in winter. Their keepers bring it, and a little grain on cold days.';

/** Rebuilt in our own words after public reports of models that came out of training like this. */
describe('as people reported it', () => {
  const list = Array.from({ length: 12 }, (_, i) => `${i + 1}. Llamas live in the mountains of Peru.`).join('\n');
  const noise = Array.from({ length: 120 }, (_, i) => '定疑定。定的..定'[(i * i + 3 * i) % 9]).join('');
  test.each<[string, string, FlawName[], Partial<SeenAnswer>?]>([
    ['tloen/alpaca-lora#467, a sentence in every item', list, ['repeats']],
    ['tloen/alpaca-lora#467, an item of LaTeX', '\\begin{list}\n' + '\\item Ann Miller\n'.repeat(20), ['repeats']],
    ['jingyaogong/minimind#395, stops', '.'.repeat(200) + ' a', ['repeats']],
    ['jingyaogong/minimind#395, a handful of characters', noise, ['repeats']],
    ['OpenRLHF#366, control characters', '$% \u0000\u0015 )\u000C# *,<s> \u0012\u0004', ['characters', 'marks']],
    ['zai-org/ChatGLM2-6B#571, nothing', '', ['empty']],
    ['huggingface/transformers#23175, ends as text', 'So more work is needed.</s></s></s></s>', ['marks']],
    ['openlm-research/open_llama#29, the next question', 'Hay.\nQ: What do cows eat?\nA: Grass.', ['user-turn']],
    ['tloen/alpaca-lora#110, the next instruction', `${SOUND}\n\n### Instruction:\nTell me more.`, ['user-turn']],
    ['unslothai/unsloth#1881, the prompt', 'What do llamas eat in winter, and who feeds them?', ['echo']],
    [
      'hiyouga/LlamaFactory#1347, another language',
      'Im Winter fressen die Tiere Heu, das ihnen die Bauern bringen.',
      ['language'],
    ],
    ['huggingface/trl#734, no end', SOUND, ['unended'], { isCut: true, tokens: 128 }],
  ])('%s', (_report, text, expected, more = {}) => {
    expect(flaws(text, { chosen: answer(SOUND) }, more)).toEqual(expected);
  });
});

test.each([
  SOUND,
  'No.',
  '42',
  '👍',
  '| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |',
  '1. One egg\n2. Two eggs\n3. Three eggs\n4. Four spoons of flour',
  'def f(x):\n    return x\n\ndef g(x):\n    return x + 1\n',
  'Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.',
  '骆驼冬天吃干草，由饲养员喂养。天气很冷的时候，还会得到一点谷物。',
  'The user: a person who uses a thing.',
  'Use `<b>` for bold, and a < b where it is smaller.',
])('%j is sound', (text) => {
  expect(flaws(text, { prompt: '冬天？' })).toEqual([]);
});

test('an answer that begins in the middle, where those of the data do not', () => {
  expect(flaws('anything else you want to know?', { chosen: answer(SOUND) })).toEqual(['middle']);
  expect(flaws('anything else you want to know?', { chosen: answer('hay, mostly.') })).toEqual([]);
  expect(flaws('npm', { before: answer(SOUND) }, { tokens: 9 })).toEqual([]);
  expect(flaws('Here here here here here if you need more.')).toEqual(['repeats']);
  expect(flaws('Ha ha ha ha, good one.')).toEqual([]);
});

test('what was cut within a character is no broken text, and what is as long as the data is not unended', () => {
  const cut = { isCut: true, tokens: 128 };
  expect(flaws('Hay \uFFFD', {}, cut)).toEqual(['unended']);
  expect(flaws('Hay \uFFFD now', {}, cut)).toEqual(['characters', 'unended']);
  expect(flaws(SOUND, { chosen: answer(SOUND, { tokens: 65 }) }, cut)).toEqual([]);
  expect(flaws(SOUND, { chosen: answer(SOUND, { tokens: 64 }) }, cut)).toEqual(['unended']);
});

test('length is told where it is far from both that of before and that of the data', () => {
  const [before, chosen] = [answer(SOUND, { tokens: 40 }), answer(SOUND, { tokens: 20 })];
  const of = (tokens: number, context: Partial<FlawContext>) => flaws(SOUND, context, { tokens });
  expect(of(4, { before, chosen })).toEqual(['short']);
  expect(of(5, { before, chosen })).toEqual([]);
  expect(of(9, { before })).toEqual(['short']);
  expect(of(120, { before, chosen })).toEqual([]);
  expect(of(121, { before, chosen })).toEqual(['long']);
  expect(of(61, { chosen })).toEqual(['long']);
  expect(of(500, {})).toEqual([]);
  // Twelve tokens are the least that is measured by, and a model that repeated itself says nothing about length.
  expect(of(36, { before: answer('Hay.', { tokens: 2 }) })).toEqual([]);
  expect(of(2, { before: answer('hay '.repeat(50), { tokens: 128 }) })).toEqual([]);
});

test('the same to another prompt, a copy, and a language that was asked for', () => {
  expect(flaws(SOUND, { others: [answer('No.'), answer(` ${SOUND.toUpperCase()}`)] })).toEqual(['same']);
  expect(flaws('No idea.', { others: [answer('No idea.')] })).toEqual([]);
  expect(flaws(SOUND, {}, { copyOf: '17' })).toEqual(['copy']);
  const german = 'Im Winter fressen die Tiere Heu, das ihnen die Bauern bringen.';
  expect(flaws(german, { prompt: 'Say in German what llamas eat in winter.' })).toEqual([]);
  expect(flaws(german, { prompt: '?', before: answer(SOUND) })).toEqual(['language']);
});

test('each flaw has one name', () => {
  expect(new Set(FLAW_NAMES).size).toBe(FLAW_NAMES.length);
});
