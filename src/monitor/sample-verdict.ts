import { FLAW_NAMES, flawsOf, type DetectLanguage, type FlawName, type SeenAnswer } from '../answers/index.ts';

/** A prompt that the model answered before and after training. */
export interface JudgedSample {
  readonly prompt: string;
  readonly before: SeenAnswer;
  readonly after: SeenAnswer;
  /** The answer of the data, the better one. */
  readonly chosen?: SeenAnswer | undefined;
}

/** A way in which answers are broken after training, with how many were so before. */
export interface SampleFinding {
  readonly name: FlawName;
  /** broken: training brought it. note: one answer only, or as before, or as the data's own answers. */
  readonly severity: 'broken' | 'note';
  /** Answers that have it, out of `samples`. */
  readonly after: number;
  readonly before: number;
  readonly samples: number;
  /** The data's own answers that have it, out of `chosenSamples`. */
  readonly chosen: number;
  readonly chosenSamples: number;
  /** With its counts. */
  readonly sentence: string;
  readonly advice: string;
}

/** What a run's answers look like, without asking what they say. */
export interface SampleVerdict {
  readonly samples: number;
  /** Broken ones first. */
  readonly findings: readonly SampleFinding[];
  /** Of each sample. */
  readonly flaws: readonly { readonly before: readonly FlawName[]; readonly after: readonly FlawName[] }[];
}

/** As many samples as these are told without a word about their number. */
const ENOUGH_SAMPLES = 20;

/** What an answer does and what several do; what to change. */
const WORDS: Readonly<Record<FlawName, { readonly one: string; readonly many: string; readonly advice: string }>> = {
  empty: {
    one: 'is empty',
    many: 'are empty',
    advice: 'lower --learning-rate or train fewer steps; look for chosen answers that are empty (preftune data check)',
  },
  characters: {
    one: 'holds broken characters',
    many: 'hold broken characters',
    advice: 'lower --learning-rate, raise --beta or train fewer steps; look for broken text in the data',
  },
  marks: {
    one: 'holds control tokens or marks of a template',
    many: 'hold control tokens or marks of a template',
    advice: 'look how rows become tokens (preftune data check --model M): the template, and control tokens in texts',
  },
  'user-turn': {
    one: "goes on with the user's turn",
    many: "go on with the user's turn",
    advice:
      "look whether rows end with the token that ends a turn, and whether answers hold a user's words (preftune data check --model M)",
  },
  repeats: {
    one: 'repeats itself',
    many: 'repeat themselves',
    advice:
      'lower --learning-rate, raise --beta or train fewer steps; or hold the chosen answers with --objective rpo or dpop',
  },
  echo: {
    one: 'only repeats the prompt',
    many: 'only repeat the prompt',
    advice: 'look how rows become tokens (preftune data check --model M), and whether answers begin with the prompt',
  },
  middle: {
    one: 'begins in the middle of a sentence',
    many: 'begin in the middle of a sentence',
    advice: 'lower --learning-rate, raise --beta or train fewer steps: what answers begin with was lost',
  },
  unended: {
    one: 'does not end',
    many: 'do not end',
    advice: 'look whether rows end with a stop token (preftune data check --model M); else lower --learning-rate',
  },
  refuses: {
    one: 'refuses',
    many: 'refuse',
    advice: 'look for refusals among the chosen answers (preftune data check)',
  },
  language: {
    one: 'is in another language than its prompt',
    many: 'are in another language than their prompts',
    advice: 'look at the languages of the chosen answers (preftune data check); else lower --learning-rate',
  },
  short: {
    one: 'is less than a quarter as long as before and in the data',
    many: 'are less than a quarter as long as before and in the data',
    advice: 'balance the lengths of chosen and rejected answers (preftune data check); lower --learning-rate',
  },
  long: {
    one: 'is more than three times as long as before and in the data',
    many: 'are more than three times as long as before and in the data',
    advice: 'take a loss that divides by length (--objective sigmoid_norm or simpo); balance lengths in the data',
  },
  same: {
    one: 'is the same as that to another prompt',
    many: 'are the same to different prompts',
    advice: 'look for chosen answers that are alike (preftune data check); lower --learning-rate or train fewer epochs',
  },
  copy: {
    one: 'is the training answer to another prompt, word for word',
    many: 'are training answers to other prompts, word for word',
    advice: 'training answers are learned by heart: fewer epochs, a lower --learning-rate, more rows',
  },
};

/** What only says something where several answers do it: a single one may be right to. */
const SOFT: ReadonlySet<FlawName> = new Set(['middle', 'unended', 'refuses', 'language', 'short', 'long', 'copy']);

/** What the data's answers are measured by, and do not have themselves. */
const RELATIVE: ReadonlySet<FlawName> = new Set(['middle', 'short', 'long']);

/**
 * Compares answers before and after training. A flaw counts as brought by training where it came to two answers more, or to half of them; where one answer
 * alone has it, where as many had it before, or where the data's own answers have it as often, it is a note.
 */
export function judgeSamples(
  samples: readonly JudgedSample[],
  { detectLanguage }: { readonly detectLanguage?: DetectLanguage | undefined } = {},
): SampleVerdict {
  const flaws = samples.map(({ prompt, before, after, chosen }, at) => {
    // The same prompt twice gets the same answer.
    const rest = samples.filter((other, i) => i !== at && other.prompt !== prompt);
    const common = { prompt, detectLanguage };
    return {
      before: flawsOf(before, { ...common, chosen, others: rest.map((one) => one.before) }),
      after: flawsOf(after, { ...common, before, chosen, others: rest.map((one) => one.after) }),
      chosen:
        chosen &&
        flawsOf(chosen, { ...common, before, others: rest.flatMap((one) => one.chosen ?? []) }).filter(
          (name) => !RELATIVE.has(name),
        ),
    };
  });
  const known = flaws.flatMap(({ chosen }) => (chosen === undefined ? [] : [chosen]));
  const findings = FLAW_NAMES.flatMap((name) =>
    findingOf(name, {
      samples: samples.length,
      after: flaws.filter(({ after }) => after.includes(name)).length,
      before: flaws.filter(({ before }) => before.includes(name)).length,
      chosen: known.filter((one) => one.includes(name)).length,
      chosenSamples: known.length,
    }),
  );
  return {
    samples: samples.length,
    findings: findings.toSorted((a, b) => Number(a.severity === 'note') - Number(b.severity === 'note')),
    flaws: flaws.map(({ before, after }) => ({ before, after })),
  };
}

type Counts = Pick<SampleFinding, 'samples' | 'after' | 'before' | 'chosen' | 'chosenSamples'>;

function findingOf(name: FlawName, counts: Counts): SampleFinding[] {
  const { samples, after, before, chosen, chosenSamples } = counts;
  const more = after - before;
  // What a few answers did before, and do still, is the model's own.
  if (after === 0 || (more <= 0 && 2 * after < samples)) return [];
  const isTaught = chosenSamples > 0 && chosen / chosenSamples >= after / samples;
  if (isTaught && more <= 0) return [];
  const isMuch = more >= 2 || (more >= 1 && 2 * after >= samples && !(SOFT.has(name) && after === 1));
  const severity = isMuch && !isTaught ? 'broken' : 'note';
  const { one, many, advice } = WORDS[name];
  const data = isTaught ? `; of the data's chosen answers ${chosen} of ${chosenSamples}` : '';
  return [
    {
      name,
      severity,
      ...counts,
      sentence: `${after} of ${samples} ${samples === 1 ? 'answer' : 'answers'} after training ${after === 1 ? one : many} (before: ${before} of ${samples})${data}`,
      advice,
    },
  ];
}

/** `a shows little` is said of few samples. */
function few({ samples }: SampleVerdict): string {
  return samples < ENOUGH_SAMPLES ? `; ${samples} ${samples === 1 ? 'sample shows' : 'samples show'} little` : '';
}

/** One sentence on all samples; undefined where there are none. */
export function samplesSentence(verdict: SampleVerdict): string | undefined {
  const { samples, findings } = verdict;
  if (samples === 0) return undefined;
  if (findings.length === 0)
    return `No fault that is looked for is in the ${samples === 1 ? 'one sample' : `${samples} samples`} after training${few(verdict)}.`;
  return `${findings.map(({ sentence }) => sentence).join('; ')}${few(verdict)}.`;
}

/** Whether training broke answers. */
export function hasBroken(verdict: SampleVerdict): boolean {
  return verdict.findings.some(({ severity }) => severity === 'broken');
}

/** Broken answers and what to change, as a warning says them. */
export function sampleFaults({ findings }: SampleVerdict): string {
  const broken = findings.filter(({ severity }) => severity === 'broken');
  return broken.map(({ sentence, advice }) => `${sentence}; ${advice}`).join('; ');
}

/** The flaws of one sample in words. */
export function flawTexts({
  before,
  after,
}: SampleVerdict['flaws'][number]): Readonly<Record<'before' | 'after', string[]>> {
  return { before: before.map(textOf), after: after.map(textOf) };
}

function textOf(name: FlawName): string {
  return WORDS[name].one;
}
