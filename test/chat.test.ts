import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder, writeRows, writeTinyModel } from './support/tiny-model.ts';

/** `preftune chat` over a pipe, and what `preftune generate` writes to a file. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
let main = '';

beforeAll(async () => {
  main = buildCli();
  await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
  writeRows(at('prompts.jsonl'), Array.from({ length: 10 }, (_, i) => ({ prompt: `Question ${i}?` })) as never);
}, 120_000);
afterAll(folder.remove);

function chat(
  input: string,
  words: readonly string[] = [],
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(
    process.execPath,
    [main, 'chat', '--model', at('model'), '--threads', '1', '--max-new-tokens', '5', ...words],
    {
      cwd: folder.path,
    },
  );
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => (out += String(data)));
  child.stderr.on('data', (data) => (err += String(data)));
  child.stdin.end(input);
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

interface Saved {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

const saved = (name: string): Saved => JSON.parse(readFileSync(at(name), 'utf8')) as Saved;

describe('chat', () => {
  it('answers a question a line, with all turns before it, and saves them', async () => {
    const { code, out } = await chat(
      'Hi\n\nAnd you?\n/save one.jsonl\n/clear\nHi\n/save two.jsonl\n/exit\nnever read\n',
      ['--system', 'Be brief.'],
    );
    expect(code).toBe(0);
    const [one, two] = [saved('one.jsonl'), saved('two.jsonl')];
    expect(one.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant']);
    // Cleared, the same question has the same answer.
    expect(two.messages).toEqual(one.messages.slice(0, 3));
    const answers = [one.messages[2]!, one.messages[4]!, two.messages[2]!].map(({ content }) => `${content}\n`);
    expect(out).toBe(answers.join(''));
  });

  it('answers again with another draw, and says what is no command', async () => {
    const { code, err } = await chat(
      'Hi\n/save a.jsonl\n/regenerate\n/save b.jsonl\n/sistem x\n/save no/such/folder/x\n/system Be kind.\n/save c.jsonl\n',
      ['--temperature', '2'],
    );
    expect(code).toBe(0);
    const [first, again] = [saved('a.jsonl').messages, saved('b.jsonl').messages];
    expect(again.length).toBe(2);
    expect(again[1]!.content).not.toBe(first[1]!.content);
    expect(saved('c.jsonl').messages).toEqual([{ role: 'system', content: 'Be kind.' }]);
    expect(err).toContain('/sistem is no command; /help lists them');
    expect(err).toContain('warning: ');
  });

  it('refuses options that mean nothing, all at once', async () => {
    const { code, err } = await chat('', ['--top-p', '0.5', '--min-p', '2', '--json']);
    expect(code).toBe(2);
    for (const part of [
      '--top-p has no effect with --temperature 0',
      '--min-p must be below 1, got 2',
      '--json has no effect',
    ])
      expect(err).toContain(part);
  });
});

describe('generate --output', () => {
  const words = [
    'generate',
    '--temperature',
    '1',
    '--samples',
    '2',
    '--max-new-tokens',
    '6',
    '--threads',
    '1',
    '--batch-size',
    '4',
  ];
  const write = (output: string, more: readonly string[] = []) =>
    preftune(main, [...words, '--model', at('model'), '--data', at('prompts.jsonl'), '--output', at(output), ...more], {
      cwd: folder.path,
    });

  it('writes every sample, and goes on where it was stopped, with the same answers', { timeout: 60_000 }, async () => {
    expect((await write('whole.jsonl')).code).toBe(0);
    const whole = readFileSync(at('whole.jsonl'), 'utf8');
    expect(whole.trim().split('\n').length).toBe(20);
    const [first, second] = whole
      .split('\n')
      .map((line) => (line === '' ? undefined : (JSON.parse(line) as { id: string; completion: unknown })));
    expect(first!.id).toBe(second!.id);
    expect(first!.completion).not.toEqual(second!.completion);
    // A command that was killed leaves its part, the last line cut.
    const head = JSON.stringify({
      model: at('model'),
      basePrecision: 'float32',
      data: at('prompts.jsonl'),
      samples: 2,
      maxNewTokens: 6,
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0,
      repetitionPenalty: 1,
      seed: 0,
      prompts: 20,
    });
    const lines = whole.split('\n');
    writeFileSync(at('part.jsonl.part'), `${[head, ...lines.slice(0, 6)].join('\n')}\n${lines[6]!.slice(0, 20)}`);
    const { code, err } = await write('part.jsonl');
    expect([code, err.includes('must')]).toEqual([0, false]);
    expect(readFileSync(at('part.jsonl'), 'utf8')).toBe(whole);
    expect(existsSync(at('part.jsonl.part'))).toBe(false);
    const again = await write('part.jsonl');
    expect([again.code, again.err]).toEqual([
      2,
      `${at('part.jsonl')}: the output must not exist yet, got a file; name another --output\n`,
    ]);
    writeFileSync(at('other.jsonl.part'), '{"model":"another"}\n');
    const other = await write('other.jsonl');
    expect([other.code, other.err]).toEqual([
      2,
      `${at('other.jsonl.part')}: holds answers of other settings, from a command that was stopped; remove it, or name another --output\n`,
    ]);
  });

  it('gives log-probabilities and what stopped it', async () => {
    const { code } = await write('logps.jsonl', ['--logprobs', '2', '--stop', 'a', '--stop', 'e']);
    expect(code).toBe(0);
    const rows = readFileSync(at('logps.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map(
        (line) =>
          JSON.parse(line) as {
            completionTokens: number;
            completion: { content: string }[];
            stopString?: string;
            logprobs: { id: number; logp: number; top: { id: number; logp: number }[] }[];
          },
      );
    for (const { completionTokens, logprobs, completion } of rows) {
      expect(logprobs.length).toBe(completionTokens);
      expect(completion[0]!.content).not.toMatch(/[ae]/);
      for (const { logp, top } of logprobs) {
        expect(top.length).toBe(2);
        expect(top[0]!.logp).toBeGreaterThanOrEqual(top[1]!.logp);
        expect(logp).toBeLessThanOrEqual(top[0]!.logp);
      }
    }
  });
});
