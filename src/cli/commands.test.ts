import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { shellWords } from '../core/index.ts';
import { optionsOf } from '../options/index.ts';
import { COMMANDS } from './commands.ts';
import { commandHelp } from './frame/command-help.ts';
import { commonFlags, rareOptions } from './frame/common-flags.ts';
import { parseCommand } from './frame/parse-command.ts';
import { runWords } from './testing/run-words.ts';
import { DPO } from './training/dpo.ts';

const loaded = await Promise.all(COMMANDS.map((entry) => entry.load()));
const named = loaded.map((command) => [command.name, command] as const);

it('dpo shows what most people need first, in 60 columns', () => {
  expect(commandHelp(DPO, { columns: 60, isWhole: false })).toMatchInlineSnapshot(`
    "Usage: preftune dpo [options]

    Trains a model on pairs of answers, the better one against
    the worse

    Model and data:
      -m, --model <text>
          a Hugging Face folder, a .gguf file, or a hub id
          (required)
      --adapter <text>
          continue training this PEFT adapter folder
      -d, --data <text>
          rows: file, folder, pattern or hub id; with =0.3
          behind it three rows of ten; may be repeated
          (required)
      --held-out <text>
          rows to evaluate on, named like --data
      --held-out-fraction <number>
          share of the prompts of --data to hold out, where
          there is no --held-out (default: 0)
      -o, --output <text>
          the run folder, new or empty (required)
      --reference <text>
          another model as the reference (default: the model as
          it starts)

    Objective:
      --objective <text>
          the loss: a name of docs/objectives.md, or several as
          sigmoid:0.8,sft:0.2 (default: sigmoid)
      --beta <number>
          strength of the pull towards the reference (default:
          the loss's own)

    Steps:
      --lr, --learning-rate <number>
          highest learning rate of the schedule (default: 5e-5,
          with --method full 1e-6)
      --batch-size <integer>
          rows of an optimizer step (default: 8)
      --epochs <number>
          passes over the data (default: 1)
      --max-steps <integer>
          a limit: end after so many steps where the epochs have
          more; it never makes a run longer
      --seed <integer>
          decides order, new weights and dropout (default: 42)
      --auto
          choose --epochs, --batch-size and --learning-rate by
          the number of rows, where they are not given

    What is trained:
      --method <lora|full>
          train an adapter, or every weight (default: lora)
      --rank, --lora.rank <integer>
          rank of the adapter (default: 16)
      --alpha, --lora.alpha <number>
          the adapter counts alpha / rank (default: 32)

    Rows:
      --columns <name=text,...>
          what the rows call the fields, such as
          prompt=question,chosen=good,rejected=bad
      --text-rows <auto|chat|raw>
          rows of texts: a question and its answer in the
          model's chat template (chat), or as they stand (raw);
          auto: as the model was trained, else chat where it has
          a template (default: auto)
      --max-length <integer>
          tokens of prompt and answer; longer answers are cut at
          the end (default: 1024, or the model's positions where
          these are fewer)

    Reports and checkpoints:
      --early-stopping-patience <integer>
          end after so many evaluations in a row that are no
          better by --best-metric

    Run:
      --resume
          continue the run in --output from its last checkpoint;
          it knows its options
      --dry-run
          print the plan (rows, steps, tokens, memory, disk,
          minutes) and end; a micro-batch is timed, nothing is
          written

    Machine:
      --device <cpu|webgpu|cuda>
          where tensors live and are computed (default: cpu)

    General:
      --config <text>
          YAML or JSON file of these options; flags override it
      --json
          print results and errors as JSON
      -h, --help
          print this
      --help-all
          print all options

    Examples:
      # an adapter from your own pairs, a tenth of them held out
      npx preftune dpo \\
        --model HuggingFaceTB/SmolLM2-135M-Instruct \\
        --data pairs.jsonl --held-out-fraction 0.1 \\
        --output run
      # another loss, on a GGUF file, with an adapter of rank 8
      npx preftune dpo --model model.gguf --data pairs.jsonl \\
        --objective simpo --rank 8 --output run-simpo
      # everything in a file, which preftune init writes
      npx preftune dpo --config run.yaml

    25 of 103 options are shown; preftune dpo --help-all prints
    all of them.
    "
  `);
});

it.each(named)('%s: --help-all lists every option once, --help says what it leaves out', (_name, command) => {
  for (const columns of [60, 80, 100])
    for (const isWhole of [false, true]) {
      const lines = commandHelp(command, { columns, isWhole }).split('\n');
      expect(lines.filter((line) => line.length > columns)).toEqual([]);
    }
  const all = optionsOf(command.options);
  /** A switch that is neither on nor off by itself has two lines, with and without no-. */
  const flagsOf = (isWhole: boolean): string[] => {
    const text = commandHelp(command, { columns: 100, isWhole });
    const found = [...text.matchAll(/^ {2}(?:-\w, |--[\w.-]+, )?--(no-)?([\w.-]+)/gm)];
    const pairs = found.map(([, no = '', flag]) => `${no}${flag}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    return Array.from(new Set(found.map(([, , flag]) => `--${flag}`)));
  };
  const general = ['--json', '--help', ...(command.takesConfig === true ? ['--config'] : [])];
  expect(flagsOf(true).toSorted()).toEqual([...all.map(({ flag }) => flag), ...general].toSorted());
  const rare = new Set(rareOptions(command).map(({ flag }) => flag as string));
  const short = flagsOf(false).filter((flag) => flag !== '--help-all');
  expect(short.toSorted()).toEqual(
    flagsOf(true)
      .filter((flag) => !rare.has(flag))
      .toSorted(),
  );
  expect(short.length).toBeLessThanOrEqual(28);
});

it.each(named)('%s: every option has a help text, and no flag or alias stands twice', (_name, command) => {
  const all = [...optionsOf(command.options), ...commonFlags(command)];
  expect(all.filter(({ meta }) => meta.help.trim() === '').map(({ path }) => path)).toEqual([]);
  const flags = all.flatMap(({ flag, meta }) => [flag, ...(meta.alias === undefined ? [] : [meta.alias])]);
  expect(flags.filter((flag, place) => flags.indexOf(flag) !== place)).toEqual([]);
});

it.each(named)('%s: what an option is only with, and what decides its default, is an option too', (_name, command) => {
  const all = optionsOf(command.options);
  const paths = all.map(({ path }) => path);
  for (const { meta } of all) {
    if (meta.onlyWith !== undefined) expect(paths).toContain(meta.onlyWith.option);
    if (meta.usuallyBy !== undefined) expect(paths).toContain(meta.usuallyBy.option);
  }
});

/** Keys that examples with a judge of a service need. */
const KEYS = { OPENAI_API_KEY: 'none' };

it.each(named)('%s: --help has examples that can be pasted, and each is understood', (name, command) => {
  const { examples = [] } = command;
  expect(examples.length).toBeGreaterThanOrEqual(2);
  const folder = mkdtempSync(join(tmpdir(), 'preftune-examples-'));
  const config = join(folder, 'run.yaml');
  writeFileSync(config, 'model: tiny\ndata: pairs.jsonl\noutput: run\n');
  try {
    for (const { does, words } of examples) {
      expect(does).not.toMatch(/^[A-Z]|[.;]$/);
      const typed = shellWords(words).map((word) => (word === 'run.yaml' ? config : word));
      expect(parseCommand(command, typed, KEYS).help).toBeUndefined();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  for (const columns of [40, 60, 100]) {
    const help = commandHelp(command, { columns, isWhole: false });
    const block = /^Examples:\n((?: {2}.*\n)+)/m.exec(help)![1]!;
    const commands = block
      .replaceAll(/^ {2}/gm, '')
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .join('\n')
      .replaceAll('\\\n', ' ')
      .trim()
      .split('\n');
    expect(commands.map((line) => shellWords(line))).toEqual(
      examples.map(({ words }) => ['npx', 'preftune', ...name.split(' '), ...shellWords(words)]),
    );
  }
});

it.each([
  ['train', 'dpo trains on pairs of answers, sft on answers or plain text; see preftune dpo --help'],
  ['fine-tune', 'dpo trains on pairs of answers, sft on answers or plain text; see preftune dpo --help'],
  ['simpo', 'it is a loss: preftune dpo --objective simpo'],
  ['inference', 'did you mean generate, or chat?'],
  ['check', 'did you mean data check?'],
  ['evaluat', 'did you mean evaluate?'],
  ['xyzzy', 'see preftune --help for the commands'],
])('%s, which is no command, gets what there is instead', async (word, hint) => {
  expect(await runWords([word, '--model', 'x'])).toEqual({
    code: 2,
    out: '',
    err: `preftune: ${word} is not a command; ${hint}\n`,
  });
});

const told = async (...words: string[]) => (await runWords(words)).err.trimEnd();

it('words behind a command that takes none, and flags before one, are told with what is meant', async () => {
  expect(await told('quickstart', 'extra')).toBe('quickstart: must be given no arguments, got "extra"; leave it out');
  expect(await told('dpo', '-m', 'x', '-d', 'y', '-o', 'z', 'my pairs.jsonl')).toBe(
    'dpo: must be given no arguments, got "my pairs.jsonl"; if these are rows: --data "my pairs.jsonl"',
  );
  expect(await told('diagnose', 'a', 'b')).toBe('diagnose: must be given one argument, run, got "b" too; leave it out');
  expect(await told('help', 'dpo', 'extra')).toBe(
    'preftune: help takes a command alone, got dpo and "extra"; leave the rest out',
  );
  expect(await told('--verson')).toBe('preftune: --verson is not an option; did you mean --version?');
});
