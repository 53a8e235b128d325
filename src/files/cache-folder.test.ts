import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheFolder } from './cache-folder.ts';

test('caches stand where the system keeps them', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/caches' }, 'judge')).toBe('/caches/preftune/judge');
  const own = join(homedir(), '.cache', 'preftune', 'reference');
  // A path that is not absolute is not valid there.
  for (const home of [undefined, ' ', 'relative']) expect(cacheFolder({ XDG_CACHE_HOME: home }, 'reference')).toBe(own);
});
