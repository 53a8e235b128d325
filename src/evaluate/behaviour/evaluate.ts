import { badInput } from '../../core/index.ts';
import { loadCompletions, memorySource, type DataSource, type TokenizedCompletion } from '../../data/index.ts';
import type { Prompt } from '../../generate/index.ts';
import { openLanguageDetector } from '../../answers/index.ts';
import { compareBehaviour, type Behaviour } from './compare-behaviour.ts';
import { estimateDrift, type Drift } from './drift.ts';
import { isClear, meanEstimate, shareEstimate, type Estimate } from './estimates.ts';
import { scoreChoices, scoreFree, type ChoiceScores, type KnownFact } from './facts.ts';
import { compareInstructions, followedBy, type InstructedPrompt, type InstructionComparison } from './instructions.ts';
import { estimateKl, type KlEstimate } from './kl.ts';
import { drawAnswers, type DrawnAnswer } from './sample.ts';
import type { OpenedSubject, Subjects } from './subjects.ts';

export interface EvaluateOptions {
  readonly prompts?: readonly Prompt[];
  /** Ordinary text, on which drift is measured. */
  readonly texts?: readonly DataSource[];
  readonly facts?: readonly KnownFact[];
  /** Prompts whose instructions code can verify, answered greedily. */
  readonly instructions?: readonly InstructedPrompt[];
  /** Answers to each prompt. Default 1. */
  readonly samples?: number;
  readonly maxNewTokens?: number;
  /** Of what is drawn. KL is measured at 1 alone. Default 1. */
  readonly temperature?: number;
  readonly seed?: number;
  /** System message for prompts that have none. */
  readonly system?: string | undefined;
  /** Tokens of a block of text. Default 512. */
  readonly textLength?: number;
  readonly onProgress?: (what: string, done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Free answers that hold a known one. */
export interface FreeScores {
  readonly questions: number;
  readonly exact: Estimate;
  readonly contains: Estimate;
}

export interface FactScores {
  readonly choices: ChoiceScores | null;
  readonly free: FreeScores | null;
}

/** A policy beside its reference. Everything that was asked for; JSON-safe. */
export interface Evaluation {
  readonly behaviour?: Behaviour;
  /** Absent at another temperature than 1, and without a reference. */
  readonly kl?: KlEstimate;
  readonly drift?: Drift;
  readonly facts?: {
    readonly policy: FactScores;
    readonly reference?: FactScores;
    /** Accuracy of the policy - that of the reference, question by question: choices, else free answers. */
    readonly difference?: Estimate;
    readonly isClear: boolean;
  };
  readonly instructions?: InstructionComparison;
}

/** The answers that an evaluation drew, in the order of the prompts. */
export interface DrawnPair {
  readonly policy: DrawnAnswer;
  readonly reference?: DrawnAnswer;
}

const DEFAULTS = { samples: 1, maxNewTokens: 128, temperature: 1, seed: 0, textLength: 512 } as const;

/**
 * Measures what was asked for. Throws bad-input when that is nothing, cancelled.
 *
 * @example
 * ```ts
 * import { evaluateBehaviour, openSubjects } from 'preftune/evaluate';
 *
 * const subjects = await openSubjects({
 *   policy: { model: 'model.gguf', adapter: 'run/adapter' },
 *   microBatchTokens: 1024,
 *   batchSize: 8,
 * });
 * const prompts = [{ id: '1', content: 'What is a comet?' }];
 * const { evaluation, answers } = await evaluateBehaviour(subjects, { prompts, samples: 4, maxNewTokens: 64 });
 * console.log(evaluation.kl, answers[0]?.policy.text);
 * await subjects.dispose();
 * ```
 */
export async function evaluateBehaviour(
  subjects: Subjects,
  given: EvaluateOptions,
): Promise<{ readonly evaluation: Evaluation; readonly answers: readonly DrawnPair[] }> {
  const options = { ...DEFAULTS, ...given };
  const { prompts, texts } = options;
  if ([prompts, texts, options.facts, options.instructions].every((one) => one === undefined))
    throw badInput('evaluate: there must be prompts, texts, facts or instructions to measure with, got none');
  const answered = prompts && (await behaviourOf(subjects, prompts, options));
  const drift = texts && (await driftOf(subjects, texts, options));
  const facts = options.facts && (await factsOf(subjects, options.facts, options));
  const instructions = options.instructions && (await instructionsOf(subjects, options.instructions, options));
  return {
    evaluation: {
      ...(answered && { behaviour: answered.behaviour, ...(answered.kl && { kl: answered.kl }) }),
      ...(drift && { drift }),
      ...(facts && { facts }),
      ...(instructions && { instructions }),
    },
    answers: answered?.answers ?? [],
  };
}

type Settings = EvaluateOptions & Required<Pick<EvaluateOptions, keyof typeof DEFAULTS>>;

async function behaviourOf(subjects: Subjects, prompts: readonly Prompt[], options: Settings) {
  const { samples, maxNewTokens, temperature, seed, system, signal, onProgress } = options;
  const { tokenizer, isRaw } = subjects;
  const draw = ({ generator }: OpenedSubject, what: string) =>
    drawAnswers({ generator, tokenizer }, prompts, {
      samples,
      maxNewTokens,
      temperature,
      topP: 1,
      seed,
      signal,
      system,
      isRaw,
      onProgress: (done, total) => onProgress?.(what, done, total),
    });
  const policy = await subjects.policy();
  const reference = await subjects.reference?.();
  const own = await draw(policy, 'answers');
  const others = reference && (await draw(reference, 'reference answers'));
  const scored = await policy.scorer.score(
    own.map(({ tokens }) => tokens),
    (done) => onProgress?.('score', done, own.length),
  );
  const otherScored = others && (await reference.scorer.score(others.map(({ tokens }) => tokens)));
  const behaviour = compareBehaviour(
    { answers: own, entropies: scored.map(({ entropies }) => entropies) },
    others && { answers: others, entropies: otherScored!.map(({ entropies }) => entropies) },
    { detectLanguage: await openLanguageDetector() },
  );
  const answers = own.map((answer, i): DrawnPair => ({ policy: answer, ...(others && { reference: others[i]! }) }));
  if (temperature !== 1 || reference === undefined) return { behaviour, answers };
  const apart = subjects.isShared ? undefined : await reference.scorer.score(own.map(({ tokens }) => tokens));
  const kl = estimateKl(
    own.map(({ promptId }, i) => ({
      prompt: promptId,
      logps: scored[i]!.logps,
      referenceLogps: scored[i]!.referenceLogps ?? apart![i]!.logps,
      ...(scored[i]!.kls && { kls: scored[i]!.kls }),
    })),
  );
  return { behaviour, answers, ...(kl && { kl }) };
}

async function driftOf(subjects: Subjects, texts: readonly DataSource[], options: Settings): Promise<Drift> {
  const { textLength, signal, onProgress } = options;
  const { rows } = await loadCompletions(texts, {
    tokenizer: subjects.tokenizer,
    maxLength: textLength,
    ...(signal === undefined ? {} : { signal }),
  });
  const blocks = Array.from({ length: rows.count }, (_, i) => rows.row(i));
  const policy = await subjects.policy();
  const reference = subjects.isShared ? undefined : await subjects.reference?.();
  const own = await policy.scorer.score(blocks, (done) => onProgress?.('texts', done, blocks.length));
  const others = reference && (await reference.scorer.score(blocks));
  const drift = estimateDrift(
    blocks.map(({ id }, i) => {
      const referenceLogps = own[i]!.referenceLogps ?? others?.[i]!.logps;
      return { document: documentOf(id), logps: own[i]!.logps, ...(referenceLogps && { referenceLogps }) };
    }),
  );
  if (drift === null) throw badInput('evaluate: the texts must hold at least two tokens, got none to predict');
  return drift;
}

/** Blocks of a long text have its id and, from the second on, their number behind it. */
function documentOf(id: string): string {
  return id.replace(/\/\d+$/, '');
}

async function instructionsOf(
  subjects: Subjects,
  prompts: readonly InstructedPrompt[],
  options: Settings,
): Promise<InstructionComparison> {
  const { tokenizer, isRaw } = subjects;
  const { maxNewTokens, signal, onProgress } = options;
  const context = { detectLanguage: await openLanguageDetector() };
  const asked = prompts.map(({ id, prompt }): Prompt => ({ id, content: prompt }));
  const follow = async ({ generator }: OpenedSubject, what: string) => {
    const answers = await drawAnswers({ generator, tokenizer }, asked, {
      samples: 1,
      maxNewTokens,
      signal,
      isRaw,
      onProgress: (done, total) => onProgress?.(what, done, total),
    });
    return followedBy(
      prompts,
      answers.map(({ text }) => text),
      context,
    );
  };
  const own = await follow(await subjects.policy(), 'instructions');
  const reference = await subjects.reference?.();
  return compareInstructions(own, reference && (await follow(reference, 'reference instructions')));
}

async function factsOf(
  subjects: Subjects,
  facts: readonly KnownFact[],
  options: Settings,
): Promise<Evaluation['facts']> {
  const own = await answerFacts(subjects, await subjects.policy(), { facts, options });
  const reference = await subjects.reference?.();
  const others = reference && (await answerFacts(subjects, reference, { facts, options }));
  if (others === undefined) return { policy: own.scores, isClear: false };
  const difference = meanEstimate(own.right.map((value, i) => value - others.right[i]!));
  return {
    policy: own.scores,
    reference: others.scores,
    ...(difference && { difference }),
    isClear: isClear(difference),
  };
}

async function answerFacts(
  { tokenizer, isRaw }: Subjects,
  { generator, scorer }: OpenedSubject,
  { facts, options }: { readonly facts: readonly KnownFact[]; readonly options: Settings },
): Promise<{ readonly scores: FactScores; readonly right: readonly number[] }> {
  const right: number[] = Array<number>(facts.length).fill(0);
  const choices = facts.flatMap((fact, index) => ('choices' in fact ? [{ fact, index }] : []));
  const scored =
    choices.length === 0
      ? []
      : await scoreAllChoices(
          { tokenizer, isRaw },
          choices.map(({ fact }) => fact),
          scorer,
        );
  const chosen = scored.map(({ logps, correct }, i) => {
    const best = Math.max(...logps);
    right[choices[i]!.index] = Number(logps[correct] === best);
    return scored[i]!;
  });
  const free = facts.flatMap((fact, index) => ('answers' in fact ? [{ fact, index }] : []));
  const prompts = free.map(({ fact: { id, question } }): Prompt => ({ id, content: question }));
  const { maxNewTokens, signal } = options;
  const drawn =
    free.length === 0
      ? []
      : await drawAnswers({ generator, tokenizer }, prompts, {
          samples: 1,
          maxNewTokens,
          signal,
          isRaw,
        });
  const results = drawn.map(({ text }, i) => {
    const result = scoreFree(text, free[i]!.fact.answers);
    right[free[i]!.index] = Number(result.contains);
    return result;
  });
  const share = (name: 'exact' | 'contains'): Estimate =>
    shareEstimate(results.filter((one) => one[name]).length, results.length)!;
  return {
    scores: {
      choices: scoreChoices(chosen),
      free:
        results.length === 0 ? null : { questions: results.length, exact: share('exact'), contains: share('contains') },
    },
    right,
  };
}

type ChoiceFact = Extract<KnownFact, { readonly choices: readonly string[] }>;

/** Every choice as the answer to its question, with the prompt and the end of turn that training would give it. */
async function scoreAllChoices(
  { tokenizer, isRaw }: Pick<Subjects, 'tokenizer' | 'isRaw'>,
  facts: readonly ChoiceFact[],
  scorer: OpenedSubject['scorer'],
) {
  const isChat = isRaw === false;
  const rows = facts.flatMap(({ question, choices }, fact) =>
    choices.map((choice, at) => ({
      id: `${fact}/${at}`,
      prompt: isChat ? [{ role: 'user', content: question }] : question,
      completion: isChat ? [{ role: 'assistant', content: choice }] : ` ${choice}`,
    })),
  );
  const source = memorySource('facts', rows.map((row) => JSON.stringify(row)).join('\n'));
  const { rows: loaded } = await loadCompletions(source, { tokenizer, textRows: 'raw' });
  const completions = Array.from({ length: loaded.count }, (_, i): TokenizedCompletion => loaded.row(i));
  if (completions.length !== rows.length)
    throw badInput('evaluate: every choice must fit the model beside its question; shorten the questions');
  const scores = await scorer.score(completions);
  let at = 0;
  return facts.map(({ choices, correct }) => {
    const own = scores.slice(at, (at += choices.length));
    return {
      correct,
      logps: own.map(({ logps }) => logps.reduce((sum, value) => sum + value, 0)),
      bytes: choices.map((choice) => new TextEncoder().encode(choice).length),
    };
  });
}
