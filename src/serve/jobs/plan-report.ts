import type { JsonObject } from '../../core/index.ts';
import { dropCause, type DropReason } from '../../data/index.ts';
import type { RunPlan } from '../../train/index.ts';

/** A sentence for people and the same for programs. */
interface Told {
  readonly message: string;
  readonly data: JsonObject;
}

/** What the check of a job found in its files, and what its training is going to need. */
export function planReport({ rows, tokens, steps, memory, disk }: RunPlan): Told[] {
  const { read, train, heldOut } = rows;
  const dropped = Object.entries(rows.dropped).map(
    ([reason, count]) => `${shown(count)} dropped: ${dropCause(reason as DropReason, {}).cause}`,
  );
  const limit = tokens.maxLength === null ? '' : `, cut at ${shown(tokens.maxLength)}`;
  const cut = tokens.cutAnswers + tokens.cutPrompts;
  const parts = [
    `Training file: ${[`${shown(read)} ${read === 1 ? 'row' : 'rows'}`, ...dropped].join(', ')}`,
    `${shown(train.rows)} to train on (${shown(train.prompts)} different prompts)`,
    heldOut === undefined ? 'none held out' : `${shown(heldOut.rows)} held out`,
    `${shown(tokens.perEpoch)} tokens a pass, the longest row ${shown(tokens.longestRow)}${limit}`,
    cut === 0
      ? 'nothing is cut'
      : `${shown(tokens.cutAnswers)} answers and ${shown(tokens.cutPrompts)} prompts are cut`,
    `${shown(steps.total)} steps of up to ${shown(steps.batchSize)} rows`,
  ];
  return [
    { message: parts.join('; '), data: plain({ rows, tokens, steps }) },
    {
      message: `Memory: at most about ${megabytes(memory.peakBytes)} of ${megabytes(memory.availableBytes)} free; disk: about ${megabytes(disk.totalBytes)}`,
      data: plain({ memory: { peakBytes: memory.peakBytes, availableBytes: memory.availableBytes }, disk }),
    },
  ];
}

function plain(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

function shown(value: number): string {
  return value.toLocaleString('en-US');
}

function megabytes(bytes: number): string {
  return `${shown(Math.ceil(bytes / 2 ** 20))} MB`;
}
