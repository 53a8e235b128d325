import type { RowSet, TokenizedRanking, TokenizedUnpaired } from '../../data/index.ts';
import type { ResolvedObjective } from '../../objectives/index.ts';
import { takesMismatches } from '../../policy/index.ts';
import { longestRanking, type TokenizedPreference } from './preference-rows.ts';

/** TRL's bounds for lambda_D n_D / (lambda_U n_U). Source: Ethayarajh et al. 2024, section 4.3. */
const BALANCED = { least: 1, most: 4 / 3 } as const;

/** What is odd about the rows for the objective, in sentences. */
export function rowWarnings(
  objective: ResolvedObjective,
  rows: RowSet<TokenizedPreference>,
  batchSize: number,
): readonly string[] {
  if (objective.kind === 'unpaired') return labelWarnings(objective, rows, batchSize);
  const takesGold = objective.terms.some(({ loss: { name } }) => name === 'tpo' || name === 'tpo_l');
  if (!takesGold || longestRanking([rows as RowSet<TokenizedRanking>]) > 2) return [];
  return [
    `no list has three answers: ${objective.text} imitates the better of the two and prefers it to the other, as cpo does; rank or score a gold answer above them to train on triples`,
  ];
}

/** What is odd about the labels of unpaired answers: one class alone, classes out of balance, batches too small. */
function labelWarnings(
  objective: ResolvedObjective,
  rows: RowSet<TokenizedPreference>,
  batchSize: number,
): readonly string[] {
  let desirable = 0;
  for (let row = 0; row < rows.count; row++) desirable += (rows as RowSet<TokenizedUnpaired>).row(row).label;
  const undesirable = rows.count - desirable;
  const warnings: string[] = [];
  if (desirable === 0 || undesirable === 0) {
    warnings.push(
      `all ${rows.count} answers are ${desirable === 0 ? 'undesirable' : 'desirable'}: the model learns no difference, only to make them ${desirable === 0 ? 'less' : 'more'} likely; add answers of the other kind`,
    );
  } else {
    for (const { loss, options } of objective.terms.filter(({ loss: { name } }) => name === 'kto')) {
      const [up, down] = [Number(options['desirableWeight']), Number(options['undesirableWeight'])];
      const ratio = (up * desirable) / (down * undesirable);
      if (ratio >= BALANCED.least && ratio <= BALANCED.most) continue;
      const wanted = ((undesirable * down) / desirable).toPrecision(3);
      warnings.push(
        `${desirable} desirable and ${undesirable} undesirable answers with weights ${up} and ${down}: ${loss.name} is balanced where the first weigh 1 to 4/3 times the second; try --desirable-weight ${wanted}`,
      );
    }
  }
  if (takesMismatches(objective) && batchSize < 4)
    warnings.push(
      `--batch-size ${batchSize} gives ${objective.text} a poor estimate of the reference point, which is a mean over the batch; take 8 or more`,
    );
  return warnings;
}
