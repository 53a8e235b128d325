import type { Content, RankingRow, RowMeta } from '../data/index.ts';
import { answerText } from '../judge/index.ts';
import { createCollector, type Built } from './built.ts';

/** An answer, and what somebody made of it. */
export interface EditRow extends Omit<RankingRow, 'answers' | 'votes'> {
  readonly original: Content;
  readonly edited: Content;
}

/** The edited answer over the original. An edit that changes nothing but space is a tie. */
export function pairsFromEdits({ original, edited, ...row }: EditRow, extra: RowMeta = {}): Built {
  const answers = [{ content: edited }, { content: original }] as const;
  const { pair, skip, built } = createCollector({ ...row, answers });
  if (folded(edited) === folded(original)) skip('tie');
  else pair(answers[0], answers[1], extra);
  return built();
}

function folded(content: Content): string {
  return answerText(content).trim().replaceAll(/\s+/g, ' ');
}
