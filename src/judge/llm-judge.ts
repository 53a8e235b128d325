import { ANSWER_SCHEMA, readAnswer, type JudgeAnswer } from './answer.ts';
import { type Asker, addUsage, mapConcurrently, type Usage, type ChatMessage } from '../ask/index.ts';
import type { CompareOptions, Comparison, Judge, JudgeCall, NoVerdictReason, Verdict } from './judge.ts';
import { judgeQuestion, repairQuestion } from './question.ts';
import type { Rubric } from './rubrics.ts';

export interface LlmJudgeOptions {
  /** Default: the model's name. */
  readonly name?: string;
  readonly asker: Asker;
  /** At least one. Each is asked by itself. */
  readonly rubrics: readonly Rubric[];
  /** Default true: each question is asked in both orders, and answers that contradict each other are a tie. */
  readonly bothOrders?: boolean;
}

/** One question asked, or why there is no answer. */
type Opinion =
  | {
      readonly kind: 'opinion';
      /** What was asked for it: one question, or two when the first answer had to be repaired. */
      readonly calls: readonly JudgeCall[];
      readonly verdict: Verdict;
      readonly answer: JudgeAnswer;
    }
  | {
      readonly kind: 'none';
      readonly calls: readonly JudgeCall[];
      readonly reason: NoVerdictReason;
      readonly message: string;
    };

/** What a rubric's questions say together. */
interface AspectView {
  readonly rubric: Rubric;
  readonly verdict: Verdict;
  readonly confidence: number;
  readonly isConsistent: boolean;
  readonly rationale: string;
}

/**
 * A language model as a judge. A rubric's verdict is what both orders agree on; if they do not, a tie of confidence 0 (MT-bench's conservative rule).
 * Several rubrics: verdict = sign(sum of weight * s), s = 1 for a, -1 for b, 0 for a tie; confidence is the weighted mean over rubrics of the stated one
 * where a rubric agrees with the verdict, and 0 where it does not. A question that gets no usable answer, repaired once, leaves the comparison without a verdict.
 *
 * Source: Zheng et al. 2023 (MT-bench), sections 3.3 and 3.4.
 */
export function createLlmJudge({ name, asker, rubrics, bothOrders = true }: LlmJudgeOptions): Judge {
  const judge = name ?? asker.endpoint.model;
  const orders: readonly ('a' | 'b')[] = bothOrders ? ['a', 'b'] : ['a'];
  return {
    name: judge,
    identity: JSON.stringify({
      kind: 'llm',
      url: asker.endpoint.url,
      body: asker.endpoint.body([], ANSWER_SCHEMA),
      rubrics,
      orders,
    }),
    async compare(comparison, options = {}) {
      const questions = rubrics.flatMap((rubric) => orders.map((first) => ({ rubric, first })));
      const opinions = await mapConcurrently(
        questions,
        (question, _, signal) => askOnce(asker, { comparison, ...question }, { ...options, signal }),
        options,
      );
      const calls = opinions.flatMap((opinion) => opinion.calls);
      const parts = { judge, calls, usage: addUsage(calls.map((call) => call.usage)) };
      const missing = opinions.find((opinion) => opinion.kind === 'none');
      if (missing !== undefined) return { kind: 'none', ...parts, reason: missing.reason, message: missing.message };
      const known = opinions.filter((opinion) => opinion.kind === 'opinion');
      const views = rubrics.map((rubric, i) => viewOf(rubric, known.slice(i * orders.length, (i + 1) * orders.length)));
      return { kind: 'verdict', ...parts, ...weigh(views), ...(bothOrders ? consistencyOf(views) : {}) };
    },
  };
}

/** The questions that a comparison takes, for a dry run and for estimates. */
export function questionsOf(
  comparison: Comparison,
  { rubrics, bothOrders = true }: Pick<LlmJudgeOptions, 'rubrics' | 'bothOrders'>,
): ChatMessage[][] {
  const orders: readonly ('a' | 'b')[] = bothOrders ? ['a', 'b'] : ['a'];
  return rubrics.flatMap((rubric) => orders.map((first) => judgeQuestion(comparison, rubric, first)));
}

interface Question {
  readonly comparison: Comparison;
  readonly rubric: Rubric;
  readonly first: 'a' | 'b';
}

async function askOnce(
  asker: Asker,
  { comparison, rubric, first }: Question,
  { signal }: CompareOptions,
): Promise<Opinion> {
  const question = judgeQuestion(comparison, rubric, first);
  const calls: JudgeCall[] = [];
  let messages = question;
  for (let attempt = 0; ; attempt++) {
    const { outcome, isStored } = await asker.ask(messages, { schema: ANSWER_SCHEMA, signal });
    const note = (verdict: Verdict | undefined, answer: string, usage: Usage): void =>
      void calls.push({ aspect: rubric.name, first, verdict, answer, isStored, usage });
    const none = (reason: NoVerdictReason, message: string): Opinion => ({ kind: 'none', calls, reason, message });
    if (outcome.kind === 'refused') return none(outcome.reason, outcome.message);
    const { text, refusal, finishReason, usage } = outcome.reply;
    if (refusal !== undefined || finishReason === 'content_filter') {
      note(undefined, refusal ?? text, usage);
      return none('refusal', `the judge refused: ${(refusal ?? 'content filter').slice(0, 200)}`);
    }
    // Before it is read: what was cut may hold a draft that looks like an answer.
    if (finishReason === 'length') {
      note(undefined, text, usage);
      return none('cut', `the answer was cut at ${asker.endpoint.maxTokens} tokens (--judge-max-tokens); raise it`);
    }
    const reading = readAnswer(text);
    if ('answer' in reading) {
      const verdict = verdictOf(reading.answer, first);
      note(verdict, text, usage);
      return { kind: 'opinion', calls, verdict, answer: reading.answer };
    }
    note(undefined, text, usage);
    if (attempt > 0) return none('unreadable', `the answer could not be read, nor its repair: ${reading.problem}`);
    messages = repairQuestion(question, text, reading.problem);
  }
}

function verdictOf({ winner }: JudgeAnswer, first: 'a' | 'b'): Verdict {
  if (winner === 'tie') return 'tie';
  return (winner === 'first') === (first === 'a') ? 'a' : 'b';
}

function viewOf(rubric: Rubric, opinions: readonly (Opinion & { kind: 'opinion' })[]): AspectView {
  const [{ verdict, answer }] = opinions as [Opinion & { kind: 'opinion' }];
  const isConsistent = opinions.every((opinion) => opinion.verdict === verdict);
  const confidence = opinions.reduce((sum, opinion) => sum + opinion.answer.confidence, 0) / opinions.length;
  return isConsistent
    ? { rubric, verdict, confidence, isConsistent, rationale: answer.rationale }
    : { rubric, verdict: 'tie', confidence: 0, isConsistent, rationale: 'the verdict changed with the order' };
}

function weigh(views: readonly AspectView[]): { verdict: Verdict; confidence: number; rationale: string } {
  const weights = views.map(({ rubric }) => rubric.weight ?? 1);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const signs: Readonly<Record<Verdict, number>> = { a: 1, b: -1, tie: 0 };
  const score = views.reduce((sum, view, i) => sum + weights[i]! * signs[view.verdict], 0);
  const verdict = score > 0 ? 'a' : score < 0 ? 'b' : 'tie';
  const agreeing = views.reduce(
    (sum, view, i) => sum + (view.verdict === verdict ? weights[i]! * view.confidence : 0),
    0,
  );
  const rationale =
    views.length === 1
      ? views[0]!.rationale
      : views.map((view) => `${view.rubric.name}: ${view.verdict}. ${view.rationale}`).join('\n');
  return { verdict, confidence: agreeing / total, rationale };
}

function consistencyOf(views: readonly AspectView[]): { isConsistent: boolean } {
  return { isConsistent: views.every((view) => view.isConsistent) };
}
