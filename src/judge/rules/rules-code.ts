import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { badInput } from '../../core/index.ts';
import { stopped } from '../../ask/index.ts';
import type { Measurement } from './rules-text.ts';
import { runSandboxed, type SandboxLanguage, type SandboxOptions, type SandboxResult } from './sandbox.ts';

/** Code that must pass its tests. */
export interface CodeRule {
  readonly kind: 'code';
  readonly language: SandboxLanguage;
  /** Appended to the answer's code; they must throw when something is wrong. For all prompts. */
  readonly tests?: string;
  /** Tests of single prompts, by the prompt's text; others have `tests`. */
  readonly testsByPrompt?: Readonly<Record<string, string>>;
  readonly timeLimitSeconds?: number;
  readonly memoryMiB?: number;
  /** Also where the network cannot be taken away. */
  readonly allowNetwork?: boolean;
}

const NAMES: Readonly<Record<SandboxLanguage, readonly string[]>> = {
  javascript: ['javascript', 'js', 'node', 'mjs', 'cjs', 'jsx', ''],
  python: ['python', 'py', 'python3', ''],
};

/**
 * The code of an answer: its fenced blocks in the language (or in none), one after the other; without any fence the whole text. Undefined where all
 * fences are of other languages.
 */
export function codeOf(text: string, language: SandboxLanguage): string | undefined {
  const blocks = [
    ...text.matchAll(/^ {0,3}(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*\n([\s\S]*?)(?:^ {0,3}\1[`~]*[ \t]*$|(?![\s\S]))/gm),
  ];
  if (blocks.length === 0) return text;
  const named = blocks.filter(([, , name]) => name !== '' && NAMES[language].includes(name!.toLowerCase()));
  // Where some say their language, those without are output or commands.
  const own = named.length > 0 ? named : blocks.filter(([, , name]) => name === '');
  return own.length === 0 ? undefined : own.map(([, , , code]) => code).join('\n');
}

/**
 * Measures answers by running their code with its tests in a sandbox: 1 if the program came to its end with status 0, else 0. The end is known by a
 * word that the program cannot know, so that leaving early passes nothing. Throws bad-input for a prompt without tests, or as runSandboxed does, and cancelled.
 */
export function createCodeMeasure(
  rule: CodeRule,
): (text: string, prompt: string, signal?: AbortSignal) => Promise<Measurement> {
  const { language, tests, testsByPrompt, timeLimitSeconds = 10, memoryMiB, allowNetwork } = rule;
  if (tests === undefined && testsByPrompt === undefined)
    throw badInput('judge: a code rule must have tests, got neither tests nor testsFile');
  // An answer that meets several others is run once.
  const known = new Map<string, Promise<Ended>>();
  return async (text, prompt, signal) => {
    const own = testsByPrompt?.[prompt] ?? tests;
    if (own === undefined)
      throw badInput(
        `judge: every prompt must have its tests in testsFile, got none for ${JSON.stringify(prompt.slice(0, 80))}; add it, or tests for all others`,
      );
    const code = codeOf(text, language);
    if (code === undefined || code.trim() === '') return { score: 0, passes: false, evidence: `no ${language} code` };
    const program = `${code}\n${own}\n`;
    const earlier = known.get(program);
    const running =
      earlier ??
      inTurn(() =>
        runToEnd(program, {
          language,
          timeLimitMs: timeLimitSeconds * 1000,
          ...(memoryMiB === undefined ? {} : { memoryMiB }),
          ...(allowNetwork === undefined ? {} : { allowNetwork }),
          signal,
        }),
      );
    known.set(program, running);
    let ended: Ended;
    try {
      ended = await running;
    } catch (error) {
      known.delete(program);
      throw error;
    }
    if (ended.result.end === 'cancelled') {
      known.delete(program);
      throw stopped();
    }
    const { passes, result } = ended;
    return { score: Number(passes), passes, evidence: passes ? 'tests pass' : failureOf(result, timeLimitSeconds) };
  };
}

interface Ended {
  readonly result: SandboxResult;
  readonly passes: boolean;
}

/** Runs a program, and sees whether it came to its last line. */
async function runToEnd(program: string, options: SandboxOptions): Promise<Ended> {
  const word = `done-${randomBytes(12).toString('hex')}`;
  const last =
    options.language === 'python'
      ? `__import__('sys').stdout.write('\\n${word}\\n')`
      : `process.stdout.write('\\n${word}\\n');`;
  const result = await runSandboxed(`${program}${last}\n`, options);
  return { result, passes: result.end === 'exited' && result.status === 0 && result.stdout.includes(`\n${word}\n`) };
}

function failureOf({ end, status, stderr }: SandboxResult, seconds: number): string {
  if (end === 'time') return `no end within ${seconds} s`;
  if (end === 'output') return 'too much output';
  const said = stderr.split('\n').findLast((line) => /Error|Exception/.test(line));
  if (status === 0) return 'ended before its tests';
  return (
    said?.trim().slice(0, 200) ??
    (status === null ? 'ended by a signal (memory or processor time)' : `status ${status}`)
  );
}

let running = 0;
const waiting: (() => void)[] = [];

/** As many programs at a time as there are processors: more would only run each other out of time. */
async function inTurn<T>(run: () => Promise<T>): Promise<T> {
  if (running >= availableParallelism()) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await run();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}
