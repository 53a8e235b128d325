import { statSync } from 'node:fs';
import { z } from 'zod';
import { badInput, writeExactJson, type Problem } from '../core/index.ts';
import { readRows, withColumns, type ColumnNames, type DataSource } from '../data/index.ts';
import { readFacts, readInstructedPrompts, type KnownFact, type InstructedPrompt } from '../evaluate/index.ts';
import { readPrompts, type Prompt } from '../generate/index.ts';
import { grouped, option, type OptionsOf } from '../options/index.ts';
import type { CommandContext } from './frame/command.ts';
import { locateData } from '../hub/index.ts';

const text = z.string().min(1);

/** What models are measured with besides prompts, the same for `evaluate` and `compare`. */
export const MEASURE_SHAPE = grouped('Measured with', {
  texts: option(text.optional(), {
    help: 'ordinary text (rows with text, or .txt): what was lost of it',
    isCommon: true,
  }),
  facts: option(text.optional(), {
    help: 'questions with known answers: {question, choices, answer} or {question, answers}',
    isCommon: true,
  }),
  instructions: option(text.optional(), {
    help: 'prompts with instructions that code checks, as IFEval has them: {prompt, instruction_id_list, kwargs}',
  }),
  frontier: option(z.boolean().default(false), { help: 'KL of every checkpoint of a run on the prompts' }),
});
export type MeasureOptions = OptionsOf<typeof MEASURE_SHAPE>;

export interface MeasureInputs {
  readonly texts?: readonly DataSource[];
  readonly facts?: readonly KnownFact[];
  readonly instructions?: readonly InstructedPrompt[];
}

/** Reads what --texts, --facts and --instructions name; texts are only checked here, and read when they are scored. Throws bad-input. */
export async function readMeasureInputs(options: MeasureOptions, context: CommandContext): Promise<MeasureInputs> {
  const read = async <T>(
    named: string | undefined,
    one: (source: DataSource) => Promise<T[]>,
  ): Promise<T[] | undefined> => {
    const sources = named === undefined ? undefined : await locateData([named], context);
    return sources && (await Promise.all(sources.map(one))).flat();
  };
  const texts = await read(options.texts, async (source) => [await checkedText(source)]);
  const facts = await read(options.facts, readFacts);
  const instructions = await read(options.instructions, readInstructedPrompts);
  return { ...(texts && { texts }), ...(facts && { facts }), ...(instructions && { instructions }) };
}

/** The prompts of what `named` is, each once, with ids of their own: preference data name a prompt for each of its pairs. Throws bad-input with all problems. */
export async function readDistinctPrompts(
  named: string,
  { columns }: { readonly columns?: ColumnNames | undefined },
  context: CommandContext,
): Promise<Prompt[]> {
  const found: Prompt[] = [];
  for (const source of withColumns(await locateData([named], context), columns))
    found.push(...(await readPrompts(source, { onNote: context.terminal.note })));
  const distinct = [...new Map(found.map((prompt) => [writeExactJson(prompt.content), prompt])).values()];
  const ids = new Set<string>();
  return distinct.map((prompt, i) => {
    const id = ids.has(prompt.id) ? `${prompt.id}#${i + 1}` : prompt.id;
    ids.add(id);
    return { ...prompt, id };
  });
}

/** A text that can be scored. Throws bad-input with every problem of its rows: it should not wait until models have answered. */
async function checkedText(source: DataSource): Promise<DataSource> {
  const problems: Problem[] = [];
  for await (const event of readRows(source)) {
    if (event.kind === 'problems') problems.push(...event.problems);
    else if (event.kind !== 'format' && event.kind !== 'completion')
      problems.push({ file: source.name, message: 'rows must be texts or answers to prompts; name rows with text' });
    if (problems.length >= MAX_PROBLEMS) throw badInput(problems);
  }
  if (problems.length > 0) throw badInput(problems);
  return source;
}

/** Problems that are told at once. */
const MAX_PROBLEMS = 20;

/** Names, sizes and times of files: what changes when their content does. */
export function stateOfSources(sources: readonly DataSource[]): unknown {
  return sources.map(({ name }) => {
    const found = statSync(name, { throwIfNoEntry: false });
    return [name, found?.size ?? null, found?.mtimeMs ?? null];
  });
}
