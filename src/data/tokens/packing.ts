import { badInput } from '../../core/index.ts';
import type { TokenizedAnswer, TokenizedCompletion, TokenizedRanking, TokenizedPair } from '../row.ts';

/**
 * What a model batch takes: sequences one after the other without any padding. Letters: T tokens in all; U tokens whose hidden
 * state predicts something; C scored tokens.
 *
 * A pair stands in one sequence [prompt, chosen, rejected]. Positions restart after the prompt for each answer, and a token
 * sees what stands before it in its own branch (a prompt or one answer) and in the branch that it continues, its prompt:
 * what each answer sees when it stands alone behind its prompt. Exact, and the prompt is computed once.
 */
export interface PackedBatch {
  /** The ids of the pairs or completions, in the order in which `owners` counts them. */
  readonly rowIds: readonly string[];
  /** [T] */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** [T] the position of each token in its own conversation. */
  readonly positions: Int32Array<ArrayBuffer>;
  /** [T] the branch of each token: every prompt and every answer of the batch has its own number. */
  readonly branches: Int32Array<ArrayBuffer>;
  /** [T] the branch that the token's branch continues: its prompt's; a prompt's own. */
  readonly parents: Int32Array<ArrayBuffer>;
  /** [U] indices into T, ascending, each once: logits are needed there and nowhere else. */
  readonly lossRows: Int32Array<ArrayBuffer>;
  /** [C] for each scored token the index into lossRows of the token that predicts it. */
  readonly predict: Int32Array<ArrayBuffer>;
  /** [C] the scored token's id. */
  readonly targets: Int32Array<ArrayBuffer>;
  /**
   * [C] 2 * pair for the chosen side, 2 * pair + 1 for the rejected one; the example's number for completions; list * width + place
   * for the answers of lists.
   */
  readonly owners: Int32Array<ArrayBuffer>;
  readonly T: number;
  readonly U: number;
  readonly C: number;
}

/** One answer behind a prompt: its ids and owner, and which ids are scored where not all are. */
interface Answer {
  readonly ids: Int32Array<ArrayBuffer>;
  readonly owner: number;
  readonly mask: Int32Array<ArrayBuffer> | undefined;
}

/** One sequence of the layout: a prompt and the answers that stand behind it. */
interface Sequence {
  readonly prompt: Int32Array<ArrayBuffer>;
  readonly answers: readonly Answer[];
  /** Undefined: prompt tokens are not scored. */
  readonly promptOwner?: number;
}

/** Tokens that a pair takes: prompt + chosen + rejected, and the second prompt where there is one. */
export function packedLength(pair: TokenizedPair): number {
  return pair.prompt.length + pair.chosen.length + pair.rejected.length + (pair.rejectedPrompt?.length ?? 0);
}

/**
 * Pairs as one batch. A pair whose prompts differ becomes two sequences with the same owners. The first token of both
 * answers is predicted by the prompt's last token; where the prompt is empty it is not scored.
 *
 * Throws bad-input when there is no pair or a side has no token.
 */
export function packPairs(pairs: readonly TokenizedPair[]): PackedBatch {
  const sequences = pairs.flatMap((pair, index): Sequence[] => {
    requireTokens('packPairs', `chosen of row ${pair.id}`, pair.chosen);
    requireTokens('packPairs', `rejected of row ${pair.id}`, pair.rejected);
    const chosen: Answer = { ids: pair.chosen, owner: 2 * index, mask: pair.chosenMask };
    const rejected: Answer = { ids: pair.rejected, owner: 2 * index + 1, mask: pair.rejectedMask };
    return pair.rejectedPrompt === undefined
      ? [{ prompt: pair.prompt, answers: [chosen, rejected] }]
      : [
          { prompt: pair.prompt, answers: [chosen] },
          { prompt: pair.rejectedPrompt, answers: [rejected] },
        ];
  });
  return packSequences(
    'packPairs',
    pairs.map((pair) => pair.id),
    sequences,
  );
}

/**
 * Completions as one batch, one sequence each. With `scorePrompt` every
 * token but the first is scored, which is training on all tokens.
 *
 * Throws bad-input when there is no row or a completion has no token.
 */
export function packCompletions(
  completions: readonly TokenizedCompletion[],
  options: { readonly scorePrompt?: boolean } = {},
): PackedBatch {
  const sequences = completions.map(({ id, prompt, completion, completionMask }, owner): Sequence => {
    requireTokens('packCompletions', `completion of row ${id}`, completion);
    const answers: Answer[] = [{ ids: completion, owner, mask: options.scorePrompt ? undefined : completionMask }];
    return options.scorePrompt ? { prompt, answers, promptOwner: owner } : { prompt, answers };
  });
  return packSequences(
    'packCompletions',
    completions.map((row) => row.id),
    sequences,
  );
}

/** The answers of a list in groups that stand behind the same prompt ids, with their places in the list. */
function branchesOf({ answers }: TokenizedRanking): { answer: TokenizedAnswer; place: number }[][] {
  const groups: { answer: TokenizedAnswer; place: number }[][] = [];
  answers.forEach((answer, place) => {
    const group = groups.find(([first]) => isSamePrompt(first!.answer.prompt, answer.prompt));
    if (group === undefined) groups.push([{ answer, place }]);
    else group.push({ answer, place });
  });
  return groups;
}

function isSamePrompt(a: Int32Array, b: Int32Array): boolean {
  return a === b || (a.length === b.length && a.every((id, index) => id === b[index]));
}

/** Tokens that a list takes: every answer, and each different prompt once. */
export function packedRankingLength(list: TokenizedRanking): number {
  return branchesOf(list).reduce(
    (sum, group) => group.reduce((all, { answer }) => all + answer.ids.length, sum + group[0]!.answer.prompt.length),
    0,
  );
}

/**
 * Lists as one batch: the prompt once, the answers as branches behind it. Owners are list * width + place, so that statistics are
 * [lists, width].
 *
 * Throws bad-input when there is no list, one has more answers than `width`, or an answer has no token.
 */
export function packRankings(lists: readonly TokenizedRanking[], width: number): PackedBatch {
  const sequences = lists.flatMap((list, index): Sequence[] => {
    if (list.answers.length > width)
      throw badInput(`packRankings: row ${list.id} must have at most ${width} answers, got ${list.answers.length}`);
    return branchesOf(list).map((group) => ({
      prompt: group[0]!.answer.prompt,
      answers: group.map(({ answer: { ids, mask }, place }): Answer => {
        requireTokens('packRankings', `answer ${place + 1} of row ${list.id}`, ids);
        return { ids, owner: index * width + place, mask };
      }),
    }));
  });
  return packSequences(
    'packRankings',
    lists.map(({ id }) => id),
    sequences,
  );
}

function requireTokens(where: string, what: string, ids: Int32Array): void {
  if (ids.length === 0) throw badInput(`${where}: ${what} must hold at least one token, got none; drop the row`);
}

function packSequences(where: string, rowIds: readonly string[], sequences: readonly Sequence[]): PackedBatch {
  if (sequences.length === 0) throw badInput(`${where}: a batch must hold at least one row, got none`);
  const T = sequences.reduce(
    (sum, { prompt, answers }) => answers.reduce((all, { ids }) => all + ids.length, sum + prompt.length),
    0,
  );
  const [tokens, positions] = [new Int32Array(T), new Int32Array(T)];
  const [branches, parents] = [new Int32Array(T), new Int32Array(T)];
  // For every scored token: who predicts it (index into T), its id, its owner. Predictors come out ascending or repeated.
  const scored: Scored = { predictors: [], targets: [], owners: [] };

  let [t, branch] = [0, 0];
  for (const { prompt, answers, promptOwner } of sequences) {
    const start = t;
    const root = branch;
    const place = (ids: Int32Array, firstPosition: number): void => {
      tokens.set(ids, t);
      for (let k = 0; k < ids.length; k++, t++) {
        positions[t] = firstPosition + k;
        branches[t] = branch;
        parents[t] = root;
      }
      branch += 1;
    };
    place(prompt, 0);
    if (promptOwner !== undefined) score(scored, { ids: prompt, start, before: -1, owner: promptOwner });
    const lastOfPrompt = prompt.length > 0 ? t - 1 : -1;
    for (const { ids, owner, mask } of answers) {
      score(scored, { ids, start: t, before: lastOfPrompt, owner, mask });
      place(ids, prompt.length);
    }
  }

  const lossRows = Int32Array.from(new Set(scored.predictors)).toSorted();
  const indexOfRow = new Int32Array(T);
  lossRows.forEach((flat, index) => (indexOfRow[flat] = index));
  return {
    rowIds,
    tokens,
    positions,
    branches,
    parents,
    lossRows,
    predict: Int32Array.from(scored.predictors, (flat) => indexOfRow[flat]!),
    targets: Int32Array.from(scored.targets),
    owners: Int32Array.from(scored.owners),
    T,
    U: lossRows.length,
    C: scored.targets.length,
  };
}

interface Scored {
  readonly predictors: number[];
  readonly targets: number[];
  readonly owners: number[];
}

/** Scores `ids` (where `mask` is 1, if there is one) that start at flat index `start`; `before` predicts the first of them, or -1 when nothing does. */
function score(
  into: Scored,
  span: {
    readonly ids: Int32Array;
    readonly start: number;
    readonly before: number;
    readonly owner: number;
    readonly mask?: Int32Array<ArrayBuffer> | undefined;
  },
): void {
  for (let k = 0; k < span.ids.length; k++) {
    const predictor = k === 0 ? span.before : span.start + k - 1;
    if (predictor < 0 || span.mask?.[k] === 0) continue;
    into.predictors.push(predictor);
    into.targets.push(span.ids[k]!);
    into.owners.push(span.owner);
  }
}
