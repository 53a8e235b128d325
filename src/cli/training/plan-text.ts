import type { JsonValue } from '../../core/index.ts';
import { dropCause, type DropReason } from '../../data/index.ts';
import type { Int8Plan, PlannedTime, RunPlan } from '../../train/index.ts';
import { duration, sizeText } from '../frame/progress.ts';

function amount(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString('en-US')} ${value === 1 ? one : many}`;
}

/** A plan as lines, each begun with what it is about. */
export function planLines(plan: RunPlan): string[] {
  return [
    `rows:    ${rowsText(plan)}`,
    ...splitLines(plan),
    `steps:   ${stepsText(plan)}`,
    `tokens:  ${tokensText(plan)}`,
    `trained: ${trainedText(plan)}`,
    `memory:  ${memoryText(plan)}`,
    `disk:    ${diskText(plan)}`,
    ...(plan.time === undefined ? [] : [`time:    ${timeText(plan.time)}`]),
    ...(plan.int8 === undefined ? [] : [`int8:    ${int8Text(plan.int8)}`]),
  ];
}

function rowsText({ rows: { read, dropped, train, heldOut } }: RunPlan): string {
  const lost = Object.entries(dropped).map(
    ([reason, count]) => `${count} dropped: ${dropCause(reason as DropReason, {}).cause}`,
  );
  return [
    [amount(read, 'row') + ' read', ...lost].join(', '),
    `${amount(train.rows, 'row')} of ${amount(train.prompts, 'prompt')} to train on`,
    heldOut === undefined
      ? 'none held out'
      : `${heldOut.rows.toLocaleString('en-US')} of ${amount(heldOut.prompts, 'prompt')} held out`,
  ].join('; ');
}

function splitLines({ rows: { split, train, heldOut } }: RunPlan): string[] {
  if (split === undefined || heldOut === undefined) return [];
  const { fraction, share } = split;
  const all = train.prompts + heldOut.prompts;
  const spread = Math.sqrt((fraction * (1 - fraction)) / all);
  return [
    `         held out by prompt, each by its own hash with a chance of ${fraction}, so that it stays on its side when rows are added: ` +
      `of ${amount(all, 'prompt')} that gives ${share.toFixed(2)}${Math.abs(share - fraction) < 0.005 ? '' : `, not ${fraction}`} (by chance +- ${(2 * spread).toFixed(2)}); ` +
      'for rows of your choice take preftune data split and --held-out',
  ];
}

function stepsText({ steps }: RunPlan): string {
  const { total, done, epochs, perEpoch, batchSize, microBatches, microBatchTokens, warmup, stages, evaluations } =
    steps;
  const passes = Number.isInteger(epochs) ? amount(epochs, 'pass', 'passes') : `${epochs.toFixed(2)} passes`;
  return [
    `${amount(total, 'step')} = ${passes} of ${perEpoch} with up to ${amount(batchSize, 'row')}${stages > 1 ? `, in ${stages} stages` : ''}`,
    ...(done > 0 ? [`${done} of them done`] : []),
    ...(warmup > 0 ? [`${warmup} of warm-up`] : []),
    `${amount(microBatches, 'micro-batch', 'micro-batches')} of up to ${microBatchTokens} tokens`,
    ...(evaluations > 0 ? [amount(evaluations, 'evaluation')] : []),
  ].join('; ');
}

function tokensText({ tokens: { total, perEpoch, longestRow, maxLength, cutAnswers, cutPrompts } }: RunPlan): string {
  return [
    `${total.toLocaleString('en-US')} read in training, ${perEpoch.toLocaleString('en-US')} a pass`,
    `longest row ${longestRow.toLocaleString('en-US')}${maxLength === null ? '' : `, cut at ${maxLength.toLocaleString('en-US')} a prompt with an answer`}`,
    cutAnswers + cutPrompts === 0
      ? 'nothing cut'
      : `${amount(cutAnswers, 'answer')} and ${amount(cutPrompts, 'prompt')} cut`,
  ].join('; ');
}

function trainedText({ trained: { method, parameters, of } }: RunPlan): string {
  if (method === 'full') return `all ${of.toLocaleString('en-US')} parameters`;
  return `an adapter of ${parameters.toLocaleString('en-US')} parameters, ${((100 * parameters) / of).toPrecision(2)} % of the model's ${of.toLocaleString('en-US')}`;
}

/** The largest parts, which is where something can be saved. */
function partsText(parts: Readonly<Record<string, number>>): string {
  return Object.entries(parts)
    .filter(([, bytes]) => bytes > 0)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 4)
    .map(([name, bytes]) => `${name} ${sizeText(bytes)}`)
    .join(', ');
}

function memoryText({ memory: { peakBytes, parts, availableBytes, isCompiled } }: RunPlan): string {
  return `${isCompiled ? 'about' : 'up to about'} ${sizeText(peakBytes)} of ${sizeText(availableBytes)} free (${partsText(parts)})`;
}

function diskText({ disk: { parts, totalBytes, freeBytes, cacheBytes } }: RunPlan): string {
  return [
    `about ${sizeText(totalBytes)}${freeBytes === undefined ? '' : ` of ${sizeText(freeBytes)} free`} (${partsText(parts)})`,
    ...(cacheBytes > 0 ? [`${sizeText(cacheBytes)} of reference log-probabilities in the cache`] : []),
  ].join('; ');
}

/** `about 3m 10s (2m 30s to 4m 10s): training 2m 05s, ...`. */
export function timeText({ seconds, from, to, parts, basis, measured }: PlannedTime): string {
  const spent = Object.entries(parts)
    .filter(([, one]) => one >= 0.5)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, one]) => `${name} ${duration(one)}`);
  const told =
    basis === 'micro-batch'
      ? `from a micro-batch of ${measured.tokens} tokens in ${measured.trainSeconds.toPrecision(2)} s${measured.referenceSeconds === undefined ? '' : `, the reference's in ${measured.referenceSeconds.toPrecision(2)} s`}`
      : 'from the first step, without the answers for the report';
  return `about ${duration(seconds)} (${duration(from)} to ${duration(to)}): ${spent.join(', ')}; ${told}`;
}

const PROCESSORS: Readonly<Record<Int8Plan['processor'], string>> = {
  amx: 'this processor multiplies 8-bit numbers in tiles (AMX), which makes large models faster and small ones not; --dry-run measures it',
  vnni: 'this processor multiplies 8-bit numbers at once (VNNI), which makes large models faster and small ones not; --dry-run measures it',
  'dot-product': 'this processor multiplies 8-bit numbers at once, which may make it faster; --dry-run measures it',
  none: 'this processor has no products of 8-bit numbers, so it saves memory and no time',
  unknown: 'whether it is faster this system does not tell; --dry-run measures it',
};

function int8Text({ processor, savedBytes, speedup }: Int8Plan): string {
  const saved = `--base-precision int8 saves ${sizeText(savedBytes)}`;
  if (speedup === undefined) return `${saved}; ${PROCESSORS[processor]}`;
  const factor = speedup.toFixed(2);
  return `${saved}; a micro-batch runs ${speedup >= 1.05 ? `${factor} times as fast` : `no faster (${factor} times the speed)`} here, as measured`;
}

export interface NamedPlan {
  readonly name: string;
  readonly plan: RunPlan;
}

/** The plans of a sweep as one: the first in full, seconds and bytes of all runs together. The first run stores the reference for the others. */
export function sweepPlan(
  plans: readonly NamedPlan[],
  runs: number,
): { readonly text: string; readonly value: JsonValue } {
  const [first] = plans;
  const diskBytes = plans.reduce((sum, { plan }) => sum + plan.disk.totalBytes, 0);
  const time = first?.plan.time && sweepTime(first.plan, first.plan.time, plans);
  const value = JSON.parse(JSON.stringify({ ...(time && { time }), diskBytes, runs: plans })) as JsonValue;
  if (first === undefined) return { text: 'every run is finished', value };
  const lines = [
    `${plans.length} of ${amount(runs, 'run')} to train, one at a time; the first, ${first.name}:`,
    ...planLines(first.plan),
    `all:     ${time === undefined ? '' : `about ${duration(time.seconds)} (${duration(time.from)} to ${duration(time.to)}), `}${sizeText(diskBytes)} of disk`,
  ];
  return { text: lines.join('\n'), value };
}

function sweepTime(first: RunPlan, { seconds, from, to, parts }: PlannedTime, plans: readonly NamedPlan[]) {
  const [fixed, scaled] = [parts.preparing + parts.answers, parts.training + parts.evaluation];
  const all = plans.reduce(
    (sum, { plan }) => sum + fixed + (scaled * plan.tokens.total) / first.tokens.total,
    parts.reference,
  );
  return { seconds: all, from: (all * from) / seconds, to: (all * to) / seconds };
}
