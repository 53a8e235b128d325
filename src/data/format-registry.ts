import { badInput, badUsage } from '../core/index.ts';
import { HH_RLHF } from './format-hh-rlhf.ts';
import { TRL_FORMATS } from './format-trl.ts';
import { isObject, type JsonObject } from './fields.ts';
import type { DataFormat } from './format.ts';
import { shown } from './problems.ts';

/** Every format that preftune reads. A tie in detection goes to the earlier one. */
export const FORMATS: readonly DataFormat[] = [HH_RLHF, ...TRL_FORMATS];

/** How many records of a source decide its format. */
export const DETECTION_RECORDS = 100;

/** The format called `name`. Throws bad-usage with the names there are. */
export function formatNamed(name: string): DataFormat {
  const format = FORMATS.find((candidate) => candidate.name === name);
  if (format !== undefined) return format;
  throw badUsage(`data format: must be one of ${FORMATS.map((known) => known.name).join(', ')}, got ${shown(name)}`);
}

/**
 * The format that fits the records best: the highest sum of detect() over them. Throws bad-input when none fits any record,
 * with what the first record has and what each format wants.
 */
export function detectFormat(records: readonly JsonObject[], file: string): DataFormat {
  let best: DataFormat | undefined;
  let bestScore = 0;
  for (const format of FORMATS) {
    const score = records.reduce((sum, record) => sum + format.detect(record), 0);
    if (score > bestScore) {
      best = format;
      bestScore = score;
    }
  }
  if (best !== undefined) return best;
  const first = records[0];
  const found = first === undefined ? 'no record that is an object' : shown(first);
  const hint =
    isObject(first) && 'label' in first
      ? 'records with a label (unpaired judgements) are not read yet'
      : `known are ${FORMATS.map((format) => `${format.name} (${format.description})`).join('; ')}`;
  throw badInput({ file, message: `records must have a known format, got ${found}; ${hint}` });
}

/** What a format scores where some of its fields have its types: a mistyped row of it rather than another format's. */
const MISTYPED_SCORE = 0.1;

/**
 * The format that `record` has instead of `format`, or undefined when it may be one of `format`, if perhaps a wrong one.
 */
export function otherFormat(record: JsonObject, format: DataFormat): DataFormat | undefined {
  if (format.detect(record) >= MISTYPED_SCORE) return undefined;
  return FORMATS.toSorted((a, b) => b.detect(record) - a.detect(record)).find((other) => other.detect(record) >= 0.5);
}
