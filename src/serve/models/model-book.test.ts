import { expect, test } from 'vitest';
import type { Backend } from '../backends/backend.ts';
import type { Version } from './lease.ts';
import { createModelBook, MODEL_NAME } from './model-book.ts';

const backend = { kind: 'engine' } as Backend;

function version(name: string, digest = 'a'): Version {
  return {
    id: `${name}@${digest}`,
    name,
    kind: 'adapter',
    parent: 'base',
    root: 'folder',
    createdAt: 1,
    maxTokens: 8,
    backend,
  };
}

test('a request keeps the version of its admission while the name goes to another one', async () => {
  const book = createModelBook();
  const freed: string[] = [];
  book.put(version('kind', 'old'), async () => void freed.push('old'));
  const first = book.lease('kind');
  book.put(version('kind', 'new'), async () => void freed.push('new'));
  const second = book.lease('kind');
  expect([first.version.id, second.version.id]).toEqual(['kind@old', 'kind@new']);
  expect(freed).toEqual([]);
  first.release();
  first.release();
  expect(freed).toEqual(['old']);
  const { wasThere, freed: gone } = book.remove('kind');
  expect(wasThere).toBe(true);
  expect(() => book.lease('kind')).toThrow('The model "kind" does not exist here');
  expect(freed).toEqual(['old']);
  second.release();
  await gone;
  expect(freed).toEqual(['old', 'new']);
});

test('a version that nobody holds is freed at once, and a second removal finds nothing', async () => {
  const book = createModelBook();
  let count = 0;
  book.put(version('kind'), async () => void count++);
  await book.remove('kind').freed;
  expect(count).toBe(1);
  expect(book.remove('kind').wasThere).toBe(false);
});

test('an alias follows its name, and one to nowhere is no model', () => {
  const book = createModelBook();
  book.put(version('kind', 'a'), async () => undefined);
  book.setAlias('prod', 'kind');
  book.setAlias('next', 'gone');
  expect(book.lease('prod').version.id).toBe('kind@a');
  book.put(version('kind', 'b'), async () => undefined);
  expect(book.lease('prod').version.id).toBe('kind@b');
  expect(book.list().map(({ name, target }) => [name, target])).toEqual([
    ['kind', undefined],
    ['prod', 'kind'],
  ]);
  expect(() => book.lease('next')).toThrow('The model "next" does not exist here');
  expect(() => book.lease('Kind')).toThrow('did you mean kind?');
});

test('the end of a server frees what is held too', async () => {
  const book = createModelBook();
  const freed: string[] = [];
  book.put(version('a'), async () => void freed.push('a'));
  book.put(version('b'), async () => {
    freed.push('b');
    throw new Error('the device is gone');
  });
  const lease = book.lease('a');
  await book.dispose();
  expect(freed.toSorted()).toEqual(['a', 'b']);
  lease.release();
  expect(freed).toHaveLength(2);
});

test('names are never paths', () => {
  const good = ['a', 'embedded-model', 'ft:base:org:suffix:id', 'Qwen/Qwen3-0.6B', 'a.b_c', 'm@step-3'];
  const bad = [
    '',
    '.',
    '..',
    '/etc/passwd',
    '../x',
    'a/../b',
    'a/',
    '-a',
    'a b',
    'a\n',
    'a\0b',
    'a\\b',
    'x'.repeat(257),
  ];
  expect(good.filter((name) => !MODEL_NAME.test(name))).toEqual([]);
  expect(bad.filter((name) => MODEL_NAME.test(name))).toEqual([]);
});
