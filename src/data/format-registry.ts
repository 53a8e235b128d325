import { badInput, badUsage, type JsonRecord } from '../core/index.ts';
import type { DataFormat } from './format.ts';
import { ALPACA, ALPACA_KTO, ALPACA_PREFERENCE } from './formats/alpaca.ts';
import { ANSWER_LIST } from './formats/answer-list.ts';
import { ARENA } from './formats/arena.ts';
import { ARGILLA } from './formats/argilla.ts';
import { HH_RLHF } from './formats/hh-rlhf.ts';
import { LABEL_STUDIO } from './formats/label-studio.ts';
import { MESSAGES_KTO, ULTRACHAT } from './formats/messages.ts';
import { OASST_TREES } from './formats/oasst.ts';
import { AZURE_DPO, OPENAI_DPO, TOGETHER_DPO } from './formats/openai.ts';
import { QUESTION_COMPLETION, QUESTION_PREFERENCE } from './formats/question.ts';
import { MESSAGES_PREFERENCE } from './formats/messages-preference.ts';
import { REWARDBENCH, REWARDBENCH_2 } from './formats/rewardbench.ts';
import { SHAREGPT, SHAREGPT_KTO, SHAREGPT_PREFERENCE } from './formats/sharegpt.ts';
import { SHP } from './formats/shp.ts';
import { TRL_FORMATS } from './formats/trl.ts';
import { TWO_ANSWERS } from './formats/two-answers.ts';
import { ULTRAFEEDBACK_BINARIZED } from './formats/ultrafeedback-binarized.ts';
import { ULTRAFEEDBACK } from './formats/ultrafeedback.ts';
import { VERTEX_DPO } from './formats/vertex.ts';
import { shown } from './problems.ts';
import { unknownFormat } from './unknown-format.ts';

/** Every format that preftune reads and writes. */
export const FORMATS: readonly DataFormat[] = [
  HH_RLHF,
  ...TRL_FORMATS,
  ULTRAFEEDBACK,
  ULTRAFEEDBACK_BINARIZED,
  SHP,
  OPENAI_DPO,
  AZURE_DPO,
  TOGETHER_DPO,
  VERTEX_DPO,
  SHAREGPT,
  SHAREGPT_PREFERENCE,
  SHAREGPT_KTO,
  ULTRACHAT,
  MESSAGES_KTO,
  OASST_TREES,
  MESSAGES_PREFERENCE,
  QUESTION_PREFERENCE,
  QUESTION_COMPLETION,
  ALPACA,
  ALPACA_PREFERENCE,
  ALPACA_KTO,
  ARGILLA,
  LABEL_STUDIO,
  ARENA,
  REWARDBENCH,
  REWARDBENCH_2,
  ANSWER_LIST,
  TWO_ANSWERS,
];

/** How many records of a source decide its format. */
export const DETECTION_RECORDS = 100;

/** The format called `name`. Throws bad-usage with the names there are. */
export function formatNamed(name: string): DataFormat {
  const format = FORMATS.find((candidate) => candidate.name === name);
  if (format !== undefined) return format;
  throw badUsage(`data format: must be one of ${FORMATS.map((known) => known.name).join(', ')}, got ${shown(name)}`);
}

/** A score from which on a record has the shape of a format. */
const FITS = 0.5;

/**
 * The format that fits the records best: the highest sum of detect() over them. Where none fits any record, a mistyped one
 * goes to the earlier format of a tie. Throws bad-input when no format is known, with what the first record has and what is nearest to it, and
 * when two fit equally well, with both. `given` is the first record as it stands in the file, for messages.
 */
export function detectFormat(records: readonly JsonRecord[], file: string, [given] = records): DataFormat {
  const scored = FORMATS.map((format) => {
    const scores = records.map((record) => format.detect(record));
    return {
      format,
      score: scores.reduce((sum, score) => sum + score, 0),
      fits: scores.some((score) => score >= FITS),
    };
  });
  const [best, second] = scored.toSorted((a, b) => b.score - a.score);
  if (best === undefined || best.score === 0) throw unknownFormat({ given, record: records[0] }, file, FORMATS);
  if (best.fits && second !== undefined && second.score === best.score) {
    const [one, other] = [best.format, second.format];
    throw badInput({
      file,
      path: 'format',
      message:
        `records must have one format, got what fits both ${one.name} (${one.description}) and ` +
        `${other.name} (${other.description}); name it with --format, or split the file where records differ`,
    });
  }
  return best.format;
}

/** What a format scores where some of its fields have its types: a mistyped row of it rather than another format's. */
const MISTYPED_SCORE = 0.1;

/**
 * The format that `record` has instead of `format`, or undefined when it may be one of `format`, if perhaps a wrong one.
 */
export function otherFormat(record: JsonRecord, format: DataFormat): DataFormat | undefined {
  if (format.detect(record) >= MISTYPED_SCORE) return undefined;
  return FORMATS.toSorted((a, b) => b.detect(record) - a.detect(record)).find((other) => other.detect(record) >= FITS);
}
