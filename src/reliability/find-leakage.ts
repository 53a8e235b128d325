import { percent } from '../core/index.ts';
import { similarAcross } from '../statistics/index.ts';
import { counted, type DataFinding } from './finding.ts';
import { NEAR } from './find-repeats.ts';
import type { RowTable } from './row-table.ts';

/** Rows whose prompt, or nearly, stands in the held-out data too. Both tables must come from the same scan settings. */
export function findLeakage(train: RowTable, heldOut: RowTable): DataFinding[] {
  const known = new Set(heldOut.prompt);
  const near = similarAcross(train.promptSignatures, heldOut.promptSignatures, NEAR);
  let same = 0;
  const places = train.place.filter((_, row) => {
    if (known.has(train.prompt[row]!)) same++;
    return known.has(train.prompt[row]!) || near[row]! >= 0;
  });
  if (places.length === 0) return [];
  const own = new Set(train.prompt);
  const touched = heldOut.prompt.filter((key) => own.has(key)).length;
  return [
    {
      kind: 'leakage',
      severity: 'serious',
      count: places.length,
      sentence:
        `${counted(places.length)} (${percent(places.length / train.count)}) ${places.length === 1 ? 'has' : 'have'} a prompt of the held-out data: ${counted(same)} the same, ` +
        `${counted(places.length - same)} nearly${touched === 0 ? '' : `; ${percent(touched / heldOut.count)} of the held-out rows are not new to training`}`,
      advice:
        'remove them from training, or what is measured is memory: preftune data clean --held-out FILE --apply leakage',
      places,
      values: { same, near: places.length - same, heldOutRows: heldOut.count, heldOutTouched: touched },
    },
  ];
}
