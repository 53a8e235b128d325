import { commandLines, shellCommand } from '../../core/index.ts';
import { inGroups } from '../frame/command-help.ts';
import type { Command } from '../frame/command.ts';
import { rareOptions } from '../frame/common-flags.ts';
import { commentedConfig } from './init-config.ts';
import { SAMPLE_PAIRS, SAMPLE_PROMPTS } from './init-pairs.ts';

/** The files of a folder to begin in, by their names. */
export const INIT_FILES = {
  config: 'run.yaml',
  pairs: 'pairs.jsonl',
  prompts: 'prompts.txt',
  readme: 'README.md',
} as const;

/** Options of a command line that no file should hold. */
const NOT_IN_FILES: readonly string[] = ['resume'];

/** What suits ten pairs; the comments above each say what is usual. */
const FEW_PAIRS = { heldOutFraction: 0.2, batchSize: 2, epochs: 3 } as const;

/** The contents of the files, by name: a model as it is named from within the folder, and the command whose options run.yaml explains. */
export function initFiles(model: string, dpo: Command): Readonly<Record<string, string>> {
  const rare = new Set(rareOptions(dpo).map(({ path }) => path));
  const options = inGroups(dpo).filter(({ path }) => !rare.has(path) && !NOT_IN_FILES.includes(path));
  const config = commentedConfig({
    head: [
      'A training run on pairs of answers: npx preftune dpo --config run.yaml',
      '',
      'Every common option with its default. Take the # away from a line to set it;',
      'flags of the command line win over this file. The values below suit ten pairs:',
      'with hundreds, leave batchSize and epochs at their defaults.',
      'All options: npx preftune dpo --help-all',
    ],
    options,
    values: { model, data: INIT_FILES.pairs, output: 'run', ...FEW_PAIRS },
  });
  return {
    [INIT_FILES.config]: config,
    [INIT_FILES.pairs]: SAMPLE_PAIRS.map((pair) => `${JSON.stringify(pair)}\n`).join(''),
    [INIT_FILES.prompts]: SAMPLE_PROMPTS.map((prompt) => `${prompt}\n`).join(''),
    [INIT_FILES.readme]: readme(model),
  };
}

/** What to type, in order; the words of each command. Every one of them runs as it stands, from within the folder. */
export function initSteps(model: string): readonly { readonly says: string; readonly words: readonly string[] }[] {
  const { pairs, config, prompts } = INIT_FILES;
  return [
    { says: 'See what is in the pairs, and whether they can be trusted.', words: ['data', 'check', pairs] },
    {
      says: 'Train. The run folder gets an adapter, a report (run/report.html) and checkpoints; Ctrl-C stops and saves.',
      words: ['dpo', '--config', config],
    },
    {
      says: 'Ask the trained model something.',
      words: ['generate', '--model', 'run', '--prompt', SAMPLE_PROMPTS[0]!],
    },
    {
      says: 'Compare it with the model that it began from, on questions that it was not trained on. Rules judge here; a language model judges better: --judge-model NAME.',
      words: [
        'compare',
        `base=${model}`,
        'tuned=run',
        '--prompts',
        prompts,
        '--judges',
        'sentiment',
        '--output',
        'comparison',
      ],
    },
    {
      says: 'Hand it over, to Transformers here; --to gguf and ollama are for llama.cpp and Ollama.',
      words: ['export', 'run', '--to', 'hf', '--output', 'exported'],
    },
  ];
}

function readme(model: string): string {
  const { pairs, config, prompts } = INIT_FILES;
  const steps = initSteps(model).flatMap(({ says, words }, place) => [
    `${place + 1}. ${says}`,
    '',
    ...['```sh', ...commandLines(shellCommand(words), 100), '```'].map((line) => `   ${line}`),
    '',
  ]);
  return [
    '# A model with better manners',
    '',
    `${pairs} holds ten questions to a shop's support, each with an answer that is preferred and one that is not: kind and`,
    `concrete against short and cold. ${config} holds the settings of a run, each explained. ${prompts} holds questions that`,
    'are in none of the pairs, to look at the result.',
    '',
    'Ten pairs show how everything goes together; they teach a model little. Put your own in their place: some hundreds,',
    'one JSON object a line with prompt, chosen and rejected (CSV and other formats are read too).',
    '',
    '## What to type',
    '',
    ...steps,
    `A second run needs a folder of its own: \`${shellCommand(['dpo', '--config', config, '--output', 'run-2'])}\`.`,
    'Every command explains itself: `npx preftune dpo --help`.',
    '',
  ].join('\n');
}
