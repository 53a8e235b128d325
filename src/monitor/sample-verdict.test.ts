import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SeenAnswer } from '../answers/index.ts';
import type { RunVerdict } from './finding.ts';
import { readSamples, SAMPLES_FILE, samplesText } from './sample-file.ts';
import { hasBroken, judgeSamples, sampleFaults, samplesSentence, type JudgedSample } from './sample-verdict.ts';
import { monitoredVerdict, renderVerdict, verdictSections, verdictSentence } from './verdict-text.ts';

const SOUND = ['It eats hay in winter.', 'They live in Peru.', 'A cria is young.', 'Wool is warm and light.'];
const LOOP = 'It is it is it is it is it is it is it is it is.';
const seen = (text: string, more: Partial<SeenAnswer> = {}): SeenAnswer => ({ text, tokens: 10, ...more });

function samplesOf(
  after: readonly string[],
  { before = SOUND, chosen }: { before?: readonly string[]; chosen?: readonly string[] } = {},
) {
  return after.map((text, i): JudgedSample => ({
    prompt: `Prompt ${i}?`,
    before: seen(before[i]!),
    after: seen(text),
    ...(chosen && { chosen: seen(chosen[i]!) }),
  }));
}

const sentences = (samples: readonly JudgedSample[]): string[] =>
  judgeSamples(samples).findings.map(({ severity, sentence }) => `${severity}: ${sentence}`);

test('counts before and after, and calls broken what came to two answers or to half of them', () => {
  expect(sentences(samplesOf([LOOP, `${LOOP} So it is.`, SOUND[2]!, SOUND[3]!]))).toEqual([
    'broken: 2 of 4 answers after training repeat themselves (before: 0 of 4)',
  ]);
  expect(sentences(samplesOf([LOOP, ...SOUND.slice(1)]))).toEqual([
    'note: 1 of 4 answers after training repeats itself (before: 0 of 4)',
  ]);
  expect(sentences(samplesOf(['']))).toEqual(['broken: 1 of 1 answer after training is empty (before: 0 of 1)']);
  expect(sentences(samplesOf(["I'm sorry, but I can't help with that."]))).toEqual([
    'note: 1 of 1 answer after training refuses (before: 0 of 1)',
  ]);
});

test('what was there before is a note where it is half of the answers, and nothing where it is less', () => {
  const loops = [LOOP, `Well. ${LOOP}`, ...SOUND.slice(2)];
  expect(sentences(samplesOf(loops, { before: loops }))).toEqual([
    'note: 2 of 4 answers after training repeat themselves (before: 2 of 4)',
  ]);
  const one = [LOOP, ...SOUND.slice(1)];
  expect(sentences(samplesOf(one, { before: one }))).toEqual([]);
  expect(sentences(samplesOf(SOUND, { before: loops }))).toEqual([]);
});

test('what the data teach is a note that says so', () => {
  const no = SOUND.map((text, i) => `I'm sorry, but I can't help with ${i}.`);
  expect(sentences(samplesOf(no, { chosen: no }))).toEqual([
    "note: 4 of 4 answers after training refuse (before: 0 of 4); of the data's chosen answers 4 of 4",
  ]);
  expect(sentences(samplesOf(no, { chosen: SOUND }))).toEqual([
    'broken: 4 of 4 answers after training refuse (before: 0 of 4)',
  ]);
});

function detectLanguage(text: string): string | undefined {
  if (text.startsWith('Prompt')) return undefined;
  return text.startsWith('Das') ? 'de' : 'en';
}

test('a language that the data teach, of prompts that are too short to have one', () => {
  const english = SOUND.map((text) => `${text} Everybody who has kept one knows that.`);
  const german = SOUND.map((_, i) => `Das weiss ich leider nicht, aber morgen sage ich es Ihnen gern, Nummer ${i}.`);
  const of = (chosen: readonly string[]) =>
    judgeSamples(samplesOf(german, { before: english, chosen }), { detectLanguage }).findings.map(
      ({ name, severity, sentence }) => [name, severity, sentence],
    );
  const sentence = '4 of 4 answers after training are in another language than their prompts (before: 0 of 4)';
  expect(of(english)).toEqual([['language', 'broken', sentence]]);
  expect(of(german.map((text) => `${text} So ist es.`))).toEqual([
    ['language', 'note', `${sentence}; of the data's chosen answers 4 of 4`],
  ]);
});

test('one answer for all prompts; a prompt that comes twice may have one answer', () => {
  const same = SOUND.map(() => 'Please ask our team.');
  expect(sentences(samplesOf(same))).toEqual([
    'broken: 4 of 4 answers after training are the same to different prompts (before: 0 of 4)',
  ]);
  expect(sentences(samplesOf(same).map((sample) => ({ ...sample, prompt: 'One?' })))).toEqual([]);
});

const QUIET: RunVerdict = { step: 9, findings: [], quiet: ['kl', 'length'], unjudged: [], tooShort: [] };
const GOOD = { tone: 'good', text: 'The held-out loss went from 2 to 1.' } as const;

test('a verdict is never good news beside broken answers', () => {
  const broken = { ...QUIET, samples: judgeSamples(samplesOf(['', '', ...SOUND.slice(2)])) };
  expect(hasBroken(broken.samples)).toBe(true);
  const advice = broken.samples.findings[0]!.advice;
  expect(monitoredVerdict(broken, GOOD)).toEqual({
    tone: 'bad',
    text: '2 of 4 answers after training are empty (before: 0 of 4); 4 samples show little.',
    detail: `What to change: ${advice}. ${GOOD.text}`,
  });
  expect(sampleFaults(broken.samples)).toBe(`2 of 4 answers after training are empty (before: 0 of 4); ${advice}`);
  expect(renderVerdict(broken)).toContain(
    `answers: empty\n  seen:      2 of 4 answers after training are empty (before: 0 of 4)\n  change:    ${advice}`,
  );
  expect(verdictSections(broken)[0]!.rows).toEqual([
    ['2 of 4 answers after training are empty (before: 0 of 4)', advice.replace('lower', 'Lower')],
  ]);
});

test('a note takes the green away, sound answers leave it and are counted', () => {
  const note = { ...QUIET, samples: judgeSamples(samplesOf(['', ...SOUND.slice(1)])) };
  expect(monitoredVerdict(note, GOOD).tone).toBe('neutral');
  const sound = { ...QUIET, samples: judgeSamples(samplesOf(SOUND)) };
  expect(monitoredVerdict(sound, GOOD)).toEqual({
    ...GOOD,
    detail:
      'None of 2 checks for known faults fired. No fault that is looked for is in the 4 samples after training; 4 samples show little.',
  });
  expect(verdictSentence({ ...QUIET, samples: judgeSamples([]) })).toBe('None of 2 checks for known faults fired.');
  const many = judgeSamples(Array.from({ length: 5 }, () => samplesOf(SOUND)).flat());
  expect(samplesSentence(many)).toBe('No fault that is looked for is in the 20 samples after training.');
});

test('samples come back from their file, and a damaged one is told', () => {
  const folder = mkdtempSync(join(tmpdir(), 'preftune-samples-'));
  try {
    expect(readSamples(folder)).toBeUndefined();
    const samples = samplesOf(['half \uD83D', SOUND[1]!], { chosen: SOUND });
    const cut = [{ ...samples[0]!, after: seen('x', { isCut: true, marks: ['<s>'], copyOf: '7' }) }, samples[1]!];
    writeFileSync(join(folder, SAMPLES_FILE), samplesText(cut));
    expect(readSamples(folder)).toEqual(cut);
    writeFileSync(join(folder, SAMPLES_FILE), `${samplesText(cut)}{"prompt":"a"}\n`);
    expect(() => readSamples(folder)).toThrow(
      `${SAMPLES_FILE}:3: must be a prompt with its answers before and after training, got {"prompt":"a"}; restore the file or remove it`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
