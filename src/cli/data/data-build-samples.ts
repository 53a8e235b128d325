import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DataSource, RankingRow } from '../../data/index.ts';
import { encodePrompt, openGenerator, readPrompts, type Prompt } from '../../generate/index.ts';
import { mapConcurrently, openCallStore } from '../../ask/index.ts';
import { sampleRow, type SampleAnswers } from '../../pairs/index.ts';
import type { DeviceName } from '../../runtime/index.ts';
import type { CommandContext } from '../frame/command.ts';
import { locateModel } from '../../hub/index.ts';

/** The rows that sampling gives; for a dry run the prompts with what stands for answers. */
export async function sampleRows(
  context: CommandContext,
  sources: readonly DataSource[],
  isDryRun: boolean,
): Promise<{ readonly rows: readonly RankingRow[]; readonly note?: string }> {
  const { options } = context;
  const prompts: Prompt[] = [];
  for (const source of sources) prompts.push(...(await readPrompts(source)));
  const wanted = prompts.slice(0, (options['maxRows'] as number | undefined) ?? Infinity);
  const file = sources[0]!.name;
  if (isDryRun) {
    const rows = wanted.map((prompt, place) => placeholderRow(prompt, place, context));
    const note = `the ${countOf(options)} answers to each of ${wanted.length} prompts are still to be sampled; each is taken as ${longestOf(options)} tokens long, the longest that it may be`;
    return { rows, note };
  }
  const named = String(options['model']);
  const { path } = await locateModel(named, context);
  const sampler = await openSampler(path, context);
  const progress = context.terminal.progress('sample');
  let done = 0;
  try {
    progress.update({ done, total: wanted.length, unit: 'rows' });
    // As many prompts as fill the generator's rows, and one that waits for the first free one.
    const limit = Math.ceil(ROWS / countOf(options)) + 1;
    const rows = await mapConcurrently(
      wanted,
      async (prompt, place) => {
        const row = await sampleRow(prompt, sampler.sample, { count: countOf(options), place, file, model: named });
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

function countOf(options: CommandContext['options']): number {
  return (options['samples'] as number | undefined) ?? 4;
}

function longestOf(options: CommandContext['options']): number {
  return (options['maxNewTokens'] as number | undefined) ?? 256;
}

function placeholderRow(prompt: Prompt, place: number, { options }: CommandContext): RankingRow {
  const filler = 'xxx '.repeat(longestOf(options));
  const answers = Array.from({ length: countOf(options) }, (_, i) => ({
    content: `(sample ${i + 1}) ${filler}`.trim(),
  }));
  return { id: prompt.id, origin: { file: '', line: place + 1 }, prompt: prompt.content, answers };
}

interface Sampler {
  readonly sample: SampleAnswers;
  close(): Promise<void>;
}

/** Answers of a model, kept on disk, so that an interrupted run continues. The model is opened when the first answer is not there. */
async function openSampler(path: string, { options, environment, signal }: CommandContext): Promise<Sampler> {
  const settings = {
    temperature: (options['temperature'] as number | undefined) ?? 1,
    topP: (options['topP'] as number | undefined) ?? 1,
    maxNewTokens: longestOf(options),
    seed: (options['seed'] as number | undefined) ?? 0,
  };
  const system = options['system'] as string | undefined;
  const adapter = options['adapter'] as string | undefined;
  const device = (options['device'] as DeviceName | undefined) ?? 'cpu';
  const models = [path, ...(adapter === undefined ? [] : [adapter])].map(stateOfPath);
  const folder = join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'preftune', 'samples');
  const store = await openCallStore<readonly string[]>(join(folder, `${digest(models).slice(0, 16)}.jsonl`));
  let opening: ReturnType<typeof openGenerator> | undefined;
  const open = (): ReturnType<typeof openGenerator> =>
    openGenerator({ model: path, adapter, device, threads: options['threads'] as number | undefined, maxRows: ROWS });
  return {
    async sample(prompt, count, firstRow) {
      const { id: _id, ...content } = prompt;
      const key = digest({ models, settings, system, device, content, count, firstRow });
      const kept = await store.get(key);
      if (kept !== undefined) return kept;
      const generator = await (opening ??= open());
      const ids = encodePrompt(generator.tokenizer, prompt, { system });
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

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
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
