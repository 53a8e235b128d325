import { describe, expect, it } from 'vitest';
import {
  createTrlMismatch,
  loadCompletions,
  loadPairs,
  loadUnpaired,
  memorySource,
  withMismatches,
  type LoadOptions,
  type TokenizedCompletion,
  type TrlRules,
  type TrlTrainer,
  type TrlVersion,
} from '../src/data/index.ts';
import { problemsOf } from '../src/core/index.ts';
import { resolveObjective } from '../src/objectives/index.ts';
import { givenOf, parseDpoSpecification, parseSftSpecification, trlRulesOf } from '../src/specification/index.ts';
import { FAMILIES, readFixture, ROWS, tokenizerOf } from './support/trl-tokens.ts';

/** A side as TRL has it: all of its ids, and where the scored ones begin. They go on to the end. */
interface Side {
  readonly ids: readonly number[];
  readonly scored: number;
}

/** A row by the names of its sides; null where TRL throws. */
type Prepared = Readonly<Record<string, Side>> | null;

interface Recorded {
  readonly date: string;
  /** By `family trainer group limits`; a text where TRL throws. */
  readonly prepared: Readonly<Record<string, readonly Prepared[] | string>>;
}

const BATCH = 4;

interface Limits {
  readonly maxLength?: number;
  readonly maxPromptLength?: number;
}

/** TRL's default is 1024. */
function limitsOf(key: string): Limits {
  const value = (name: string): number | undefined => {
    const found = new RegExp(`(?<!_)${name}=(\\d+)`).exec(key);
    return found === null ? undefined : Number(found[1]);
  };
  const maxPromptLength = value('max_prompt_length');
  return { maxLength: value('max_length') ?? 1024, ...(maxPromptLength !== undefined && { maxPromptLength }) };
}

function sideOf(prompt: Int32Array, answer: Int32Array): Side {
  return { ids: [...prompt, ...answer], scored: prompt.length };
}

function completionSide({ prompt, completion }: TokenizedCompletion): Side {
  return sideOf(prompt, completion);
}

function all<T>(count: number, read: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => read(index));
}

async function oursOf(
  rules: TrlRules,
  records: readonly object[],
  options: LoadOptions & { maxLength: number },
): Promise<Prepared[]> {
  const source = memorySource('rows.json', JSON.stringify(records));
  const given = { ...options, trl: rules };
  if (rules.trainer === 'sft') {
    const { rows } = await loadCompletions(source, given);
    return all(rows.count, (index) => ({ completion: completionSide(rows.row(index)) }));
  }
  if (rules.trainer !== 'kto') {
    const { rows } = await loadPairs(source, given);
    return all(rows.count, (index) => {
      const { prompt, chosen, rejected, rejectedPrompt = prompt } = rows.row(index);
      return { chosen: sideOf(prompt, chosen), rejected: sideOf(rejectedPrompt, rejected) };
    });
  }
  const { rows } = await loadUnpaired(source, given);
  const numbers = all(rows.count, (index) => index);
  const batches = numbers.filter((row) => row % BATCH === 0).map((row) => numbers.slice(row, row + BATCH));
  const { tokenizer, maxLength } = options;
  const complete = withMismatches(rows, { batches, maxLength, trl: createTrlMismatch(tokenizer, rules, maxLength) });
  return numbers.map((index) => {
    const row = complete.row(index);
    return { completion: completionSide(row), mismatched: completionSide(row.mismatched!) };
  });
}

/** Rows that TRL scores nothing of are dropped here: they have no gradient, and a mean over rows has one row less. */
function hasScored(row: Prepared): boolean {
  return row !== null && Object.values(row).every(({ ids, scored }) => Math.max(scored, 1) < ids.length);
}

describe.each(['trl-1', 'trl-0.28'] as const)('%s', (version: TrlVersion) => {
  const { prepared, date } = readFixture<Recorded>(`${version}.json`);
  const keys = Object.keys(prepared).filter((key) => typeof prepared[key] !== 'string');

  it.each(Object.keys(FAMILIES))(
    '%s: every row of every trainer has the ids and the scored tokens of TRL',
    async (family) => {
      const tokenizer = tokenizerOf(family, date);
      const own = keys.filter((key) => key.startsWith(`${family} `));
      expect(own.length).toBeGreaterThan(6);
      for (const key of own) {
        const [, trainer] = key.split(' ') as [string, TrlTrainer];
        const group = Object.keys(ROWS)
          .filter((name) => key.startsWith(`${family} ${trainer} ${name}`))
          .toSorted((a, b) => b.length - a.length)[0]!;
        const theirs = prepared[key] as readonly Prepared[];
        const options = { tokenizer, maxLength: 1024, ...limitsOf(key) };
        const records = ROWS[group]!.rows.filter((_, row) => theirs[row] !== null);
        if (theirs.every((row) => !hasScored(row))) {
          await expect(oursOf({ version, trainer }, records, options)).rejects.toThrow(
            'all dropped: the prompt leaves no room for an answer',
          );
          continue;
        }
        const ours = await oursOf({ version, trainer }, records, options);
        expect({ key, rows: ours }).toEqual({ key, rows: theirs.filter(hasScored) });
      }
    },
  );
});

/** What TRL 1.16 scores behind an answer and preftune does not, by the template. */
const BEHIND = {
  chatml: '\n',
  'qwen2.5': '\n',
  qwen3: '\n',
  zephyr: '\n',
  mistral: '',
  llama3: '',
  gemma: '\n',
  phi3: '\n<|endoftext|>',
} as const;

describe('what preftune scores otherwise by default', () => {
  const date = '2026-11-30';
  const GEMMA_ROWS = 'conversations without system';

  it.each(Object.entries(BEHIND))(
    '%s: an answer ends with what ends the turn; TRL goes on with %j',
    async (family, behind) => {
      const tokenizer = tokenizerOf(family, date);
      const source = memorySource(
        'rows.json',
        JSON.stringify(ROWS[family === 'gemma' ? GEMMA_ROWS : 'conversations']!.rows),
      );
      const options = { tokenizer, maxLength: 1024 };
      const { rows: own } = await loadPairs(source, options);
      const { rows: theirs, notes } = await loadPairs(source, {
        ...options,
        trl: { version: 'trl-1', trainer: 'dpo' },
      });
      expect(notes).toEqual(["tokens are those that TRL 1.16's DPOTrainer scores"]);
      expect(own.count).toBe(theirs.count);
      for (let row = 0; row < own.count; row++) {
        const [ours, other] = [own.row(row), theirs.row(row)];
        expect(other.prompt).toEqual(ours.prompt);
        for (const side of ['chosen', 'rejected'] as const) {
          const length = ours[side].length;
          expect(other[side].subarray(0, length)).toEqual(ours[side]);
          expect(tokenizer.decode(Array.from(other[side].subarray(length)))).toBe(behind);
          expect(tokenizer.stopIds).toContain(ours[side][length - 1]);
        }
      }
    },
  );

  /** The texts of the runs of scored tokens. */
  function scoredRuns(family: string, { completion, completionMask }: TokenizedCompletion): string[] {
    const tokenizer = tokenizerOf(family, date);
    const runs: number[][] = [];
    completion.forEach((id, at) => {
      if (completionMask?.[at] === 0) return;
      if (at > 0 && completionMask?.[at - 1] !== 0) runs.at(-1)!.push(id);
      else runs.push([id]);
    });
    return runs.map((ids) => tokenizer.decode(ids));
  }

  it("of a conversation the assistant's turns; TRL has all of it", async () => {
    const [{ prompt, chosen }] = ROWS['multi-turn']!.rows as [{ prompt: object[]; chosen: object[] }];
    const source = memorySource('rows.json', JSON.stringify([{ prompt, completion: chosen }]));
    const whole = memorySource('rows.json', JSON.stringify([{ messages: [...prompt, ...chosen] }]));
    const options = { tokenizer: tokenizerOf('chatml', date), maxLength: 1024 };
    const trl = { version: 'trl-1', trainer: 'sft' } as const;
    const textOf = async (from: typeof source, more: object) =>
      scoredRuns('chatml', (await loadCompletions(from, { ...options, ...more })).rows.row(0));
    expect(await textOf(source, {})).toEqual(['Water.<|im_end|>', 'Frozen rain.<|im_end|>']);
    const completion =
      'Water.<|im_end|>\n<|im_start|>user\nAnd snow?<|im_end|>\n<|im_start|>assistant\nFrozen rain.<|im_end|>\n';
    expect(await textOf(source, { trl })).toEqual([completion]);
    expect(await textOf(whole, {})).toEqual(['Water.<|im_end|>', 'Frozen rain.<|im_end|>']);
    const opening = '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhat is rain?<|im_end|>\n';
    expect(await textOf(whole, { trl })).toEqual([`${opening}<|im_start|>assistant\n${completion}`]);
  });

  it('of a text that ends with another stop token than EOS TRL adds EOS, and 0.28 has no BOS', async () => {
    const source = memorySource(
      'rows.json',
      JSON.stringify([{ prompt: 'Say', chosen: ' Yes.</s>', rejected: ' No.' }]),
    );
    const tokenizer = tokenizerOf('zephyr', date);
    const textOf = async (version?: TrlVersion): Promise<string[]> => {
      const trl = version && ({ version, trainer: 'dpo' } as const);
      const options = { tokenizer, maxLength: 64, textRows: 'raw', ...(trl && { trl }) } as const;
      const { prompt, chosen } = (await loadPairs(source, options)).rows.row(0);
      return [prompt, chosen].map((ids) => tokenizer.decode(Array.from(ids)));
    };
    expect(await textOf()).toEqual(['<s>Say', ' Yes.</s>']);
    expect(await textOf('trl-1')).toEqual(['<s>Say', ' Yes.</s>']);
    expect(await textOf('trl-0.28')).toEqual(['Say', ' Yes.</s></s>']);
  });
});

function messagesOf(work: () => unknown): string[] {
  return problemsOf(work).map(({ message }) => message);
}

function rulesOf(objective: string, compat: TrlVersion): TrlRules | undefined {
  return trlRulesOf(compat, resolveObjective({ objective, compat }));
}

describe('specifications', () => {
  const given = { model: '-', data: '-', output: '-' };

  it('refuse limits that the version does not have, and lists, whose tokens TRL has nothing to say of', () => {
    expect(messagesOf(() => parseDpoSpecification({ ...given, compat: 'trl-1', maxPromptLength: 9 }))).toEqual([
      "--max-prompt-length has no effect with --compat trl-1: TRL 1.16's DPOTrainer has no such limit; leave it out",
    ]);
    const kto = { ...given, compat: 'trl-0.28', objective: 'kto' };
    expect(messagesOf(() => parseDpoSpecification({ ...kto, maxPromptLength: 9 }))).toEqual([
      "--max-prompt-length has no effect with --compat trl-0.28: TRL 0.28's KTOTrainer has no such limit; leave it out",
    ]);
    expect(messagesOf(() => parseSftSpecification({ ...given, compat: 'trl-1', maxPromptLength: 9 }))).toEqual([
      "--max-prompt-length has no effect with --compat trl-1: TRL 1.16's SFTTrainer has no such limit; leave it out",
    ]);
    expect(messagesOf(() => parseDpoSpecification({ ...given, compat: 'trl-1', objective: 'tpo' }))).toEqual([
      '--compat has no effect with objective tpo, which has one version; remove it',
    ]);
    expect(messagesOf(() => parseSftSpecification({ ...given, compat: 'trl-1', loss: 'last' }))).toEqual([
      '--loss last has no effect with --compat trl-1, which scores all of a conversation; leave one of them out',
    ]);
  });

  it('take a mode with every loss of pairs and of single answers, and know whose tokens it means', () => {
    expect(rulesOf('apo_zero', 'trl-1')).toEqual({ version: 'trl-1', trainer: 'dpo' });
    expect(rulesOf('simpo,sft', 'trl-1')).toEqual({ version: 'trl-1', trainer: 'cpo' });
    expect(rulesOf('orpo', 'trl-0.28')).toEqual({ version: 'trl-0.28', trainer: 'cpo' });
    expect(rulesOf('bco', 'trl-0.28')).toEqual({ version: 'trl-0.28', trainer: 'kto' });
    expect(parseDpoSpecification({ ...given, compat: 'trl-0.28', maxPromptLength: 9 }).maxPromptLength).toBe(9);
    const sft = parseSftSpecification({ ...given, compat: 'trl-1' });
    expect(parseSftSpecification(givenOf(sft))).toEqual(sft);
  });
});
