import { expect, it } from 'vitest';
import { optionsOf } from '../options/index.ts';
import { COMMANDS } from './commands.ts';
import { commandHelp } from './frame/command-help.ts';
import { commonFlags, rareOptions } from './frame/common-flags.ts';
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
          at most this many steps, however many the epochs have
      --seed <integer>
          decides order, new weights and dropout (default: 42)

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
      --max-length <integer>
          tokens of prompt and answer; longer answers are cut at
          the end (default: 1024, or the model's positions where
          these are fewer)

    Run:
      --resume
          continue the run in --output from its last checkpoint;
          it knows its options

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

    21 of 94 options are shown; preftune dpo --help-all prints
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
  const flagsOf = (isWhole: boolean): string[] =>
    [
      ...commandHelp(command, { columns: 100, isWhole }).matchAll(/^ {2}(?:-\w, |--[\w.-]+, )?--(?:no-)?([\w.-]+)/gm),
    ].map(([, flag]) => `--${flag}`);
  const general = ['--json', '--help', ...(command.takesConfig === true ? ['--config'] : [])];
  expect(flagsOf(true).toSorted()).toEqual([...all.map(({ flag }) => flag), ...general].toSorted());
  const rare = new Set(rareOptions(command).map(({ flag }) => flag as string));
  const short = flagsOf(false).filter((flag) => flag !== '--help-all');
  expect(short.toSorted()).toEqual(
    flagsOf(true)
      .filter((flag) => !rare.has(flag))
      .toSorted(),
  );
  expect(short.length).toBeLessThanOrEqual(26);
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
