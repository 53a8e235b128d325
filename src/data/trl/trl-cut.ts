import type { Tokenizer } from '../../tokenizer/index.ts';
import type { TokenizedUnpaired } from '../row.ts';
import type { TruncatedSide, TruncationOptions } from '../tokens/truncate.ts';
import { promptLimitOf, type TrlRules } from './trl-rules.ts';
import { requireEos, type TrlSide } from './trl-sides.ts';

/** The sides of a row within the limits, each undefined where nothing of its answer is left. */
export type TrlCut = (sides: readonly TrlSide[]) => (TruncatedSide | undefined)[];

/**
 * Cuts as a trainer of TRL does. With 1.16: the first maxLength ids are kept. With 0.28, DPO keeps the end of the prompt, then the last
 * maxLength ids of both (truncation_mode keep_end, its default). KTO of 0.28 leaves room for the BOS and EOS that it adds; CPO adds them
 * first, and cuts the answer alone, in 0.28 by what the longer answer is too long. Slices with a negative end are Python's.
 */
export function createTrlCut(tokenizer: Tokenizer, rules: TrlRules, truncation: TruncationOptions): TrlCut {
  const { maxLength = Infinity } = truncation;
  const { version, trainer } = rules;
  const limit = promptLimitOf(rules, truncation.maxPromptLength);
  if (trainer === 'cpo')
    return (sides) =>
      cutAnswers(
        sides.map((side) => withMarks(tokenizer, side)),
        maxLength,
        version,
      );
  if (version === 'trl-0.28' && trainer === 'kto')
    return (sides) =>
      sides.map((side) => {
        const kept = cutForMarks(tokenizer, side, maxLength);
        const marked = scored(withMarks(tokenizer, kept), side);
        return marked && { ...marked, answerCut: kept.answer.length < side.answer.length };
      });
  if (version === 'trl-0.28' && trainer === 'dpo')
    return (sides) => sides.map((side) => scored(keepEnd(side, limit, maxLength), side));
  return (sides) =>
    sides.map((side) => {
      const { prompt, answer } = side;
      return prompt.length >= maxLength
        ? undefined
        : scored({ prompt, answer: answer.slice(0, maxLength - prompt.length) }, side);
    });
}

/**
 * The ids of an answer behind the prompt of another row, as KTOTrainer has them: those that the answer had before it was cut, cut for
 * this prompt.
 */
export function createTrlMismatch(
  tokenizer: Tokenizer,
  rules: TrlRules,
  maxLength: number,
): (prompt: Int32Array, answer: TokenizedUnpaired) => Int32Array<ArrayBuffer> {
  return (prompt, { completion, uncut = completion }) => {
    if (rules.version === 'trl-1') return uncut.slice(0, maxLength - prompt.length);
    // The prompt has BOS already, for which room is kept.
    const kept = cutForMarks(tokenizer, { prompt: Array.from(prompt), answer: Array.from(uncut) }, maxLength);
    return Int32Array.from(withMarks(tokenizer, kept).answer);
  };
}

interface Ids {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

/** The cut side, with what was lost. Of a side without prompt nothing predicts the first token. */
function scored({ prompt, answer }: Ids, before: Ids): TruncatedSide | undefined {
  if (answer.length < (prompt.length === 0 ? 2 : 1)) return undefined;
  const [promptCut, answerCut] = [prompt.length < before.prompt.length, answer.length < before.answer.length];
  return { prompt, answer, promptCut, answerCut };
}

function keepEnd({ prompt, answer }: Ids, promptLimit: number, maxLength: number): Ids {
  const kept = prompt.length > promptLimit ? prompt.slice(prompt.length - promptLimit) : prompt;
  const excess = Math.max(0, kept.length + answer.length - maxLength);
  return { prompt: kept.slice(Math.min(excess, kept.length)), answer: answer.slice(Math.max(0, excess - kept.length)) };
}

/** BOS in front and EOS behind, where they are not there. */
function withMarks(tokenizer: Tokenizer, { prompt, answer }: Ids): Ids {
  const { bosId } = tokenizer;
  const eosId = requireEos(tokenizer);
  return {
    prompt: bosId === undefined || prompt[0] === bosId ? prompt : [bosId, ...prompt],
    answer: answer.at(-1) === eosId ? answer : [...answer, eosId],
  };
}

/** A tokenizer without BOS loses a place to it all the same. */
function cutForMarks({ bosId, eosId }: Tokenizer, { prompt, answer }: Ids, maxLength: number): Ids {
  const missing =
    Number(prompt.length > 0 && prompt[0] !== bosId) + Number(answer.length > 0 && answer.at(-1) !== eosId);
  const room = maxLength - missing;
  return prompt.length + answer.length > room
    ? { prompt, answer: answer.slice(0, room - prompt.length) }
    : { prompt, answer };
}

function cutAnswers(
  sides: readonly Ids[],
  maxLength: number,
  version: TrlRules['version'],
): (TruncatedSide | undefined)[] {
  const longest = Math.max(...sides.map(({ answer }) => answer.length));
  return sides.map((side) => {
    const { prompt, answer } = side;
    const length = version === 'trl-1' ? answer.length : longest;
    if (prompt.length + length <= maxLength) return scored(side, side);
    const kept = version === 'trl-1' ? Math.max(0, maxLength - prompt.length) : maxLength - longest;
    return scored({ prompt, answer: answer.slice(0, kept) }, side);
  });
}
