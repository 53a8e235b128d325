import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * The middle of a recipe, from what is in memory to steps, runs where there are no files: along its imports inside train/ nothing reads Node, and
 * no folder is entered whose business is files.
 */
const ROOT = join(import.meta.dirname, '..', 'src');
const MIDDLE = [
  'train/recipes/preference-task.ts',
  'train/recipes/preference-reference.ts',
  'train/recipes/completion-task.ts',
  'train/loop/training.ts',
  'train/loop/loop.ts',
];
const FILES = ['store', 'report', 'hub', 'monitor', 'cli'];

/** Imports and re-exports that are there at run time. */
const IMPORT = /^(?:import|export) (?!type )(?:[^;']*? from )?'([^']+)';/gms;

/** Files of train/ that are reached, and everything else that they import. */
function reach(start: readonly string[]): { readonly own: ReadonlySet<string>; readonly others: ReadonlySet<string> } {
  const [own, others] = [new Set<string>(), new Set<string>()];
  const visit = (file: string): void => {
    if (own.has(file)) return;
    own.add(file);
    for (const [, target] of readFileSync(join(ROOT, file), 'utf8').matchAll(IMPORT)) {
      const path = target!.startsWith('.') ? join(dirname(file), target!) : target!;
      if (path.startsWith('train/')) visit(path);
      else others.add(path);
    }
  };
  start.forEach(visit);
  return { own, others };
}

test('the middle of a recipe needs neither Node nor files', () => {
  const { own, others } = reach(MIDDLE);
  expect([...own].filter((file) => !/^train\/(loop|recipes)\//.test(file))).toEqual([]);
  expect([...others].filter((name) => name.startsWith('node:') || FILES.includes(name.split('/')[0]!))).toEqual([]);
  expect([...own]).toContain('train/loop/trainable.ts');
});
