import { expect, test } from 'vitest';
import {
  badInput,
  badInputProblems,
  badUsage,
  formatProblems,
  internal,
  MAX_PRINTED_PROBLEMS,
  messageOf,
  PreftuneError,
  runFailed,
  unreachable,
} from './errors.ts';

test('a problem names its file, line and column, or its byte offset, before the message', () => {
  const message = 'rows: must be objects, got 3';
  expect(formatProblems([{ message }])).toBe(message);
  expect(formatProblems([{ message, path: 'lora.rank' }])).toBe(message);
  expect(formatProblems([{ message, file: 'a.jsonl' }])).toBe(`a.jsonl: ${message}`);
  expect(formatProblems([{ message, file: 'a.jsonl', line: 7 }])).toBe(`a.jsonl:7: ${message}`);
  expect(formatProblems([{ message, file: 'a.jsonl', line: 7, column: 2 }])).toBe(`a.jsonl:7:2: ${message}`);
  expect(formatProblems([{ message, file: 'm.gguf', offsetBytes: 0 }])).toBe(`m.gguf at byte 0: ${message}`);
  expect(formatProblems([{ message, line: 7 }])).toBe(message);
});

function problemList(count: number): { message: string }[] {
  return Array.from({ length: count }, (_, i) => ({ message: `problem ${i}` }));
}

test('a list prints twenty problems and counts the rest', () => {
  const lines = (count: number): string[] => formatProblems(problemList(count)).split('\n');
  expect(MAX_PRINTED_PROBLEMS).toBe(20);
  expect(lines(20)).toEqual(problemList(20).map(({ message }) => message));
  expect(lines(21).slice(19)).toEqual(['problem 19', '... and 1 more problem']);
  expect(lines(345).slice(20)).toEqual(['... and 325 more problems']);
});

test('every class of error has its code, its problems and its message', () => {
  const problem = { message: 'x', file: 'f' };
  const made = [badInput('a'), badUsage(problem), runFailed([problem, { message: 'y' }]), internal('b')];
  expect(made.map(({ code, message, problems }) => ({ code, message, problems }))).toEqual([
    { code: 'bad-input', message: 'a', problems: [{ message: 'a' }] },
    { code: 'bad-usage', message: 'f: x', problems: [problem] },
    { code: 'run-failed', message: 'f: x\ny', problems: [problem, { message: 'y' }] },
    { code: 'internal', message: 'internal: b', problems: [{ message: 'internal: b' }] },
  ]);
  for (const error of made) {
    expect(error).toBeInstanceOf(PreftuneError);
    expect(error.name).toBe('PreftuneError');
  }
});

test('a cause is kept', () => {
  const cause = new Error('disk');
  expect(runFailed('save', { cause }).cause).toBe(cause);
});

test('unreachable says what escaped its type, messageOf reads anything thrown', () => {
  expect(() => unreachable('blue' as never)).toThrow(new PreftuneError('internal', 'internal: unexpected blue'));
  expect([new Error('m'), 'text', undefined, 3].map(messageOf)).toEqual(['m', 'text', 'undefined', '3']);
});

test('the problems of bad input are told with others; anything else is thrown again', () => {
  expect(badInputProblems(badInput([{ message: 'a' }, { message: 'b' }]))).toEqual([
    { message: 'a' },
    { message: 'b' },
  ]);
  for (const other of [badUsage('usage'), runFailed('run'), new Error('x')])
    expect(() => badInputProblems(other)).toThrow(other);
});
