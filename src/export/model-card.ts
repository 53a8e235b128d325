import { basename } from 'node:path';
import { BEST_METRICS } from '../store/index.ts';
import type { ExportSource } from './source.ts';

/** What a card says beside what the run tells. */
export interface CardOptions {
  readonly source: ExportSource;
  /** What the files are, in a sentence or two. */
  readonly content: string;
  /** transformers, peft, gguf, transformers.js */
  readonly library: string;
  readonly base: string;
  readonly limits: readonly string[];
}

/**
 * README.md of an export, as the hub shows it: what it is, data, objective, results on held-out rows from the run's own metrics, limits. Says
 * plainly what is not known. Source: the hub's documentation of model cards, for the header's fields.
 */
export function modelCard(options: CardOptions): string {
  const { source, content, library, base } = options;
  const { name, run } = source;
  const recipe = text(run?.record.specification['recipe']);
  const { isHub: isHubId } = source.base;
  const header = [
    '---',
    ...(isHubId ? [`base_model: ${base}`] : []),
    `library_name: ${library}`,
    'pipeline_tag: text-generation',
    'tags:',
    ...['preftune', ...(recipe === undefined ? [] : [recipe])].map((tag) => `- ${tag}`),
    '---',
  ];
  return `${[
    ...header,
    '',
    `# ${name}`,
    '',
    content,
    '',
    `Made from ${isHubId ? `[${base}](https://huggingface.co/${base})` : `\`${basename(base)}\``} with preftune${versionOf(source)}.`,
    '',
    ...trainingSection(source),
    ...resultsSection(run),
    ...limitsSection(options),
  ].join('\n')}\n`;
}

function versionOf({ run }: ExportSource): string {
  const version = text(run?.record.versions['preftune']);
  return version === undefined ? '' : ` ${version}`;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A JSON value on one line, paths by their last part: a card must not tell how somebody's disk is laid out. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value.startsWith('/') || value.startsWith('.') ? basename(value) : value;
  if (Array.isArray(value)) return value.map(shown).join(', ');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([key, inner]) => (key === 'name' ? shown(inner) : `${key} ${shown(inner)}`))
      .join(', ');
  return String(value);
}

/** Fields of a specification that a reader asks for, as the table names them. */
const FIELDS: readonly (readonly [path: string, label: string])[] = [
  ['recipe', 'recipe'],
  ['objective', 'objective'],
  ['method', 'trained'],
  ['lora', 'adapter'],
  ['basePrecision', 'base kept in'],
  ['learningRate', 'learning rate'],
  ['schedule', 'schedule'],
  ['optimizer', 'optimizer'],
  ['batchSize', 'batch size'],
  ['epochs', 'epochs'],
  ['maxSteps', 'steps'],
  ['maxLength', 'longest row'],
  ['textRows', 'rows of texts'],
  ['seed', 'seed'],
];

function trainingSection({ run }: ExportSource): string[] {
  if (run === undefined)
    return ['## Training', '', 'Exported without its run, so how it was trained is not known here.', ''];
  const { specification, data } = run.record;
  const rows = (data as { rows?: unknown } | null)?.rows;
  const table = FIELDS.flatMap(([path, label]) =>
    specification[path] === undefined || specification[path] === null
      ? []
      : [`| ${label} | ${shown(specification[path])} |`],
  );
  const sources = shown(specification['data']);
  const heldOut = specification['heldOut'];
  return [
    '## Data',
    '',
    `Trained on \`${sources}\`${typeof rows === 'number' ? ` (${rows} rows)` : ''}${heldOut === undefined ? '' : `, measured on \`${shown(heldOut)}\``}.`,
    `Fingerprint of the training rows: \`${shown((data as { train?: unknown } | null)?.train).slice(0, 16)}\`.`,
    '',
    '## Objective',
    '',
    '| | |',
    '| --- | --- |',
    ...table,
    '',
  ];
}

const RESULTS: readonly (readonly [key: string, label: string])[] = [
  ['eval_loss', 'loss'],
  ['eval_rewards/accuracies', 'accuracy over pairs (a tie counts one half)'],
  ['eval_rewards/margins', 'reward margin'],
  ['eval_rewards/chosen', 'reward of chosen answers'],
  ['eval_rewards/rejected', 'reward of rejected answers'],
  ['eval_logps/chosen', 'log-probability of chosen answers'],
  ['eval_entropy', 'entropy, nats a token'],
];

function figure(value: unknown): string {
  return typeof value === 'number' ? value.toPrecision(4) : '';
}

/** The results of the step that is exported, which need not be the last one. */
function resultsSection(run: ExportSource['run']): string[] {
  const evaluations = (run?.metrics ?? []).filter((record) => typeof record['eval_loss'] === 'number');
  const [first, last] = [evaluations[0], evaluations.at(-1)];
  if (run === undefined || first === undefined || last === undefined)
    return ['## Results', '', 'No rows were held out, so nothing is known of how it does on what it has not seen.', ''];
  const own = run.step === undefined ? last : evaluations.find(({ step }) => step === run.step);
  if (own === undefined)
    return ['## Results', '', `This is step ${run.step} of its run, at which held-out rows were not measured.`, ''];
  return [
    '## Results',
    '',
    `On held-out rows, at step ${first.step} and at ${stepText(run, own.step)}. Definitions: docs/training.md of preftune.`,
    '',
    `| | step ${first.step} | step ${own.step} |`,
    '| --- | --- | --- |',
    ...RESULTS.filter(([key]) => typeof own[key] === 'number').map(
      ([key, label]) => `| ${label} | ${figure(first[key])} | ${figure(own[key])} |`,
    ),
    '',
  ];
}

/** Which step this is, and what it was chosen by: held-out rows that chose a step are kinder to it than new ones. */
function stepText({ record, metrics }: NonNullable<ExportSource['run']>, step: number): string {
  const { outcome } = record;
  const lastStep = outcome?.step ?? metrics.at(-1)?.step ?? step;
  const isChosen = outcome?.artefact.choice === 'best' && outcome.artefact.step === step;
  if (isChosen && outcome.best !== undefined)
    return `step ${step} of ${lastStep}, which was chosen because its ${BEST_METRICS[outcome.best.metric].title} was the best on these rows`;
  return step === lastStep ? `the last step, ${step}` : `step ${step} of ${lastStep}, which is what was exported`;
}

/** That the chat template prints the time, and which it was in training. */
function timeLimit({ opened, run }: ExportSource): string[] {
  const { clock } = opened.tokenizer.chatTemplate ?? {};
  if (clock === undefined) return [];
  const trained = text(run?.record.specification['templateTime']);
  const known =
    trained === undefined
      ? 'which time it printed in training is not known here'
      : `in training it printed "${clock.printed(trained)}" in every row`;
  return [`Its chat template prints the time at which it is used; ${known}.`];
}

/** How it is to be asked where that is not what everybody does. */
function askingLimit({ asked, opened }: ExportSource): string[] {
  if (asked !== 'raw' || opened.tokenizer.chatTemplate === undefined) return [];
  return [
    'It was trained on texts as they stand, without its chat template: give it texts so (llama.cpp: completion and not chat). Asked through the template it may answer as its base does.',
  ];
}

function limitsSection({ limits, source }: CardOptions): string[] {
  const stored = new Set([...source.opened.files.checkpoint.entries.values()].map(({ storedType }) => storedType));
  const quantised = [...stored].filter((type) => !['F32', 'F16', 'BF16'].includes(type));
  const all = [
    ...limits,
    ...timeLimit(source),
    ...askingLimit(source),
    ...(quantised.length === 0
      ? []
      : [`Its base was quantised (${quantised.join(', ')}) before training: what that lost is not regained.`]),
    'Accuracy over pairs says which of two given answers the model finds likelier, not that its own answers are better; compare samples before relying on it.',
    'It was not tested for safety, and has the faults of its base.',
  ];
  return ['## Limits', '', ...all.map((line) => `- ${line}`)];
}
