import type { DataSource } from './source.ts';
import { createTokenizing, load, none, requireRows, wrongKind, type LoadedData, type LoadOptions } from './load.ts';
import { decidedPair } from './pair-of-ranking.ts';
import { createJudgementSet, JUDGEMENT_PARTS } from './row-set.ts';
import type { DataRow, JudgementRow, PreferenceRow, TokenizedJudgement } from './row.ts';
import { hashOfPrompt } from './split.ts';
import { createTokenArena } from './token-arena.ts';

/**
 * Answers with labels from one or several sources, tokenised. A preference row becomes two: `<id>/chosen`, desirable, and
 * `<id>/rejected`, undesirable; so does a row of two answers of which one is better. `notes` says how many.
 *
 * Throws as loadPreferencePairs; rows without a label are refused.
 */
export async function loadJudgements(
  source: DataSource | readonly DataSource[],
  options: LoadOptions,
): Promise<LoadedData<TokenizedJudgement>> {
  const arena = createTokenArena(JUDGEMENT_PARTS, 'judgements');
  const [promptHashes, weights]: [number[], number[]] = [[], []];
  const { tokenize, log } = createTokenizing(options);
  let pairs = 0;
  const take = (row: JudgementRow): void => {
    const result = tokenize.judgement(row);
    log.completion(row.id, result);
    if (result.kind === 'dropped') return;
    for (const { id, prompt, completion, completionMask, label } of result.rows) {
      arena.push(id, [prompt, completion, completionMask ?? none, Int32Array.of(label)]);
      promptHashes.push(hashOfPrompt(row.prompt));
      weights.push(row.meta?.weight ?? NaN);
    }
  };
  const loaded = await load(source, options, (row) => {
    const judgements = judgementsOf(row);
    if (judgements.length > 1) pairs += 1;
    for (const each of judgements) take(each);
  });
  const tokenisation = log.report();
  requireRows(source, arena.count, tokenisation);
  const rows = createJudgementSet(arena.finish(), { promptHashes, weights });
  const notes =
    pairs === 0
      ? []
      : [
          `${pairs} preference ${pairs === 1 ? 'row became a' : 'rows became one'} desirable and one undesirable answer each`,
        ];
  return { rows, tokenisation, notes, ...loaded };
}

function judgementsOf(row: DataRow): readonly JudgementRow[] {
  if (row.kind === 'judgement') return [row.row];
  if (row.kind === 'completion')
    throw wrongKind(row, 'answers with labels', 'add a field label (true or false) to each, or use them with sft');
  const pair: PreferenceRow = row.kind === 'ranking' ? decidedPair(row.row) : row.row;
  const { chosen, rejected, ...rest } = pair;
  return [
    { ...rest, id: `${pair.id}/chosen`, completion: chosen, label: true },
    { ...rest, id: `${pair.id}/rejected`, completion: rejected, label: false },
  ];
}
