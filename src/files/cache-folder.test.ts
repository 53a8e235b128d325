import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheFolder } from './cache-folder.ts';

test('caches stand where the system keeps them', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/caches' }, 'judge')).toBe('/caches/preftune/judge');
  const own = join(homedir(), '.cache', 'preftune', 'reference');
  expect([cacheFolder({}, 'reference'), cacheFolder({ XDG_CACHE_HOME: ' ' }, 'reference')]).toEqual([own, own]);
});
