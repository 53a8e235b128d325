import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeTemporaryFolder, removeFolder } from '../files/testing/support.ts';
import { createHubHash, hashFile } from './hub-digest.ts';

/** Made by `git hash-object` and `sha256sum` of a file that holds `hello`. */
const GIT = 'b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0';
const LARGE = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

test('small files have git’s checksum, large ones SHA-256', async () => {
  const folder = makeTemporaryFolder();
  const path = join(folder, 'hello');
  writeFileSync(path, 'hello');
  for (const known of [GIT, LARGE]) {
    const whole = createHubHash(known, 5);
    await hashFile(whole, path);
    const resumed = createHubHash(known, 5);
    await hashFile(resumed, path, 0);
    await hashFile(resumed, path, 2);
    resumed.update('llo');
    expect([whole.digest('hex'), resumed.digest('hex')]).toEqual([known, known]);
  }
  removeFolder(folder);
});
