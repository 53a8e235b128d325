import type { DataSource } from './sources/source.ts';
import {
  createTokenizing,
  load,
  none,
  requireRows,
  trlNotes,
  wrongKind,
  type LoadedData,
  type LoadOptions,
} from './load.ts';
import { decidedPair } from './pair-of-ranking.ts';
import { createUnpairedSet, UNPAIRED_PARTS } from './tokens/row-set.ts';
import type { DataRow, UnpairedRow, PairRow, TokenizedUnpaired } from './row.ts';
import { hashOfPrompt } from './split.ts';
import { createTokenArena } from './tokens/token-arena.ts';

/**
 * Answers with labels from one or several sources, tokenised. A pair becomes two: `<id>/chosen`, desirable, and
 * `<id>/rejected`, undesirable; so does a row of two answers of which one is better. `notes` says how many.
 *
 * Throws as loadPairs; rows without a label are refused.
 */
export async function loadUnpaired(
  source: DataSource | readonly DataSource[],
  options: LoadOptions,
): Promise<LoadedData<TokenizedUnpaired>> {
  // The word is in the keys of references that are stored already.
  const arena = createTokenArena(UNPAIRED_PARTS, 'judgements');
  const [promptHashes, weights]: [number[], number[]] = [[], []];
  const uncut: (Int32Array<ArrayBuffer> | undefined)[] = [];
  const { tokenize, log } = createTokenizing(options);
  let pairs = 0;
  const take = (row: UnpairedRow): void => {
    const result = tokenize.unpaired(row);
    log.completion(row.id, result);
    if (result.kind === 'dropped') return;
    for (const { id, prompt, completion, completionMask, label, uncut: whole } of result.rows) {
      uncut.push(whole);
      arena.push(id, [prompt, completion, completionMask ?? none, Int32Array.of(label)]);
      promptHashes.push(hashOfPrompt(row.prompt));
      weights.push(row.meta?.weight ?? NaN);
    }
  };
  const loaded = await load(source, options, (row) => {
    const answers = unpairedOf(row);
    if (answers.length > 1) pairs += 1;
    for (const each of answers) take(each);
  });
  const tokenisation = log.report();
  requireRows(source, arena.count, { tokenisation, ...loaded });
  const rows = createUnpairedSet(arena.finish(), { promptHashes, weights, uncut });
  const notes = [
    ...trlNotes(options),
    ...(pairs === 0
      ? []
      : [`${pairs} ${pairs === 1 ? 'pair became a' : 'pairs became one'} desirable and one undesirable answer each`]),
  ];
  return { rows, tokenisation, notes, ...loaded };
}

function unpairedOf(row: DataRow): readonly UnpairedRow[] {
  if (row.kind === 'unpaired') return [row.row];
  if (row.kind === 'completion')
    throw wrongKind(row, 'answers with labels', 'add a field label (true or false) to each, or use them with sft');
  const pair: PairRow = row.kind === 'ranking' ? decidedPair(row.row) : row.row;
  const { chosen, rejected, ...rest } = pair;
  return [
    { ...rest, id: `${pair.id}/chosen`, completion: chosen, label: true },
    { ...rest, id: `${pair.id}/rejected`, completion: rejected, label: false },
  ];
}
