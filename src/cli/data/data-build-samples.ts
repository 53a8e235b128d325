import { cacheFolder, unkept } from '../../files/index.ts';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { writeExactJson } from '../../core/index.ts';
import type { DataSource, RankingRow } from '../../data/index.ts';
import { encodePrompt, openGenerator, readPrompts, type Prompt } from '../../generate/index.ts';
import { mapConcurrently, openCallStore } from '../../ask/index.ts';
import { askTexts, parseModelAndAdapter, type AskedTexts, type ModelName } from '../../policy/index.ts';
import { sampleRow, type SampleAnswers } from '../../pairs/index.ts';
import type { CommandContext } from '../frame/command.ts';
import type { BuildOptions } from './data-build-options.ts';
import { locateModel } from '../../hub/index.ts';

/** The rows that sampling gives; for a dry run the prompts with what stands for answers. */
export async function sampleRows(
  options: BuildOptions,
  context: CommandContext,
  sources: readonly DataSource[],
): Promise<{ readonly rows: readonly RankingRow[]; readonly note?: string }> {
  const { samples, maxNewTokens, maxRows = Infinity, dryRun: isDryRun } = options;
  const prompts: Prompt[] = [];
  for (const source of sources) prompts.push(...(await readPrompts(source, { onNote: context.terminal.note })));
  const wanted = prompts.slice(0, maxRows);
  const file = sources[0]!.name;
  if (isDryRun) {
    const rows = wanted.map((prompt, place) => placeholderRow(prompt, place, options));
    const note = `the ${samples} answers to each of ${wanted.length} prompts are still to be sampled; each is taken as ${maxNewTokens} tokens long, the longest that it may be`;
    return { rows, note };
  }
  const named = options.model!;
  const sampler = await openSampler(named, options, context);
  const progress = context.terminal.progress('sample');
  let done = 0;
  try {
    progress.update({ done, total: wanted.length, unit: 'rows' });
    // As many prompts as fill the generator's rows, and one that waits for the first free one.
    const limit = Math.ceil(ROWS / samples) + 1;
    const rows = await mapConcurrently(
      wanted,
      async (prompt, place) => {
        const row = await sampleRow(prompt, sampler.sample, { count: samples, place, file, model: named });
        progress.update({ done: ++done, total: wanted.length, unit: 'rows' });
        return row;
      },
      { limit, signal: context.signal },
    );
    return { rows };
  } finally {
    progress.finish();
    await sampler.close();
  }
}

/** Answers drawn at once. */
const ROWS = 32;

function placeholderRow(prompt: Prompt, place: number, { samples, maxNewTokens }: BuildOptions): RankingRow {
  const filler = 'xxx '.repeat(maxNewTokens);
  const answers = Array.from({ length: samples }, (_, i) => ({
    content: `(sample ${i + 1}) ${filler}`.trim(),
  }));
  return { id: prompt.id, origin: { file: '', line: place + 1 }, prompt: prompt.content, answers };
}

interface Sampler {
  readonly sample: SampleAnswers;
  close(): Promise<void>;
}

/** Answers of a model, kept on disk, so that an interrupted run continues. The model is opened when the first answer is not there. */
async function openSampler(
  model: string,
  { temperature, topP, maxNewTokens, seed, system, templateTime, adapter, device, threads }: BuildOptions,
  context: CommandContext,
): Promise<Sampler> {
  const { environment, signal, terminal } = context;
  const settings = { temperature, topP, maxNewTokens, seed };
  const name = parseModelAndAdapter({ model, adapter });
  const { path } = await locateModel(name.model, context);
  const models = [path, ...pathsOf(name)].map(stateOfPath);
  const folder = cacheFolder(environment, 'samples');
  const store = await openCallStore<readonly string[]>(join(folder, `${digest(models).slice(0, 16)}.jsonl`), {
    onUnwritable: (why) => terminal.warn(unkept({ what: 'samples', folder, why })),
  });
  let opening: ReturnType<typeof openGenerator> | undefined;
  const open = async (): ReturnType<typeof openGenerator> => {
    const generator = await openGenerator({
      model,
      adapter,
      resolve: () => Promise.resolve(path),
      templateTime,
      device,
      threads,
      maxRows: ROWS,
    });
    for (const note of generator.notes) terminal.note(note);
    return generator;
  };
  const askedOf = ({ trained, tokenizer }: Awaited<ReturnType<typeof open>>): AskedTexts => {
    const asked = askTexts(undefined, { trained: trained(), tokenizer, hasSystem: system !== undefined });
    if (asked.note !== undefined) context.terminal.note(asked.note);
    if (asked.warning !== undefined) context.terminal.warn(asked.warning);
    return asked;
  };
  let asked: AskedTexts | undefined;
  return {
    async sample(prompt, count, firstRow) {
      const { id: _id, ...content } = prompt;
      const key = digest({ models, settings, system, templateTime, device, content, count, firstRow });
      const kept = await store.get(key);
      if (kept !== undefined) return kept;
      const generator = await (opening ??= open());
      asked ??= askedOf(generator);
      const ids = encodePrompt(generator.tokenizer, prompt, { system, isRaw: asked.isRaw });
      const prompts = Array.from({ length: count }, () => ids);
      const answers = await generator.generate(prompts, { ...settings, firstRow, signal });
      const texts = answers.map(({ text }) => text.trim());
      await store.put(key, texts);
      return texts;
    },
    async close() {
      await store.close();
      await (await opening?.catch(() => undefined))?.dispose();
    },
  };
}

/** What besides the model decides its answers: an adapter's folder, a checkpoint's. */
function pathsOf({ adapter, checkpoint }: ModelName): string[] {
  if (checkpoint !== undefined) return [checkpoint.path];
  if (adapter === undefined) return [];
  return [adapter.kind === 'folder' ? adapter.path : adapter.checkpoint.path];
}

function digest(value: unknown): string {
  return createHash('sha256').update(writeExactJson(value)).digest('hex');
}

/** Path, sizes and times of a model's files: what changes when somebody trains it anew. */
function stateOfPath(path: string): unknown {
  const whole = resolve(path);
  if (!statSync(whole).isDirectory()) return stateOfFile(whole);
  return readdirSync(whole, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => stateOfFile(join(whole, name)))
    .toSorted();
}

function stateOfFile(file: string): unknown {
  const { size, mtimeMs } = statSync(file);
  return [file, size, mtimeMs];
}
