import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeTemporaryFolder, removeFolder } from '../../files/testing/support.ts';
import { baseNameOf } from './base-name.ts';

const folder = makeTemporaryFolder();
mkdirSync(join(folder, 'model'));
afterAll(() => removeFolder(folder));

const snapshot = '/cache/hub/models--HuggingFaceTB--SmolLM2-135M/snapshots/0123456789abcdef0123456789abcdef01234567';

test('others find the base by its repository, else by its path from the root', () => {
  expect(baseNameOf('owner/name@v1', { location: '/cache/x' })).toEqual({
    name: 'owner/name',
    isHub: true,
    revision: 'v1',
  });
  expect(baseNameOf('owner/name/sub/file.gguf', { location: '/cache/x' })).toEqual({ name: 'owner/name', isHub: true });
  expect(baseNameOf(snapshot, { location: snapshot }, true)).toEqual({
    name: 'HuggingFaceTB/SmolLM2-135M',
    isHub: true,
  });
  const path = join(folder, 'model');
  expect(baseNameOf(path, { location: path })).toEqual({ name: path, isHub: false });
  expect(baseNameOf('model', { location: './model' }, true)).toEqual({ name: resolve('model'), isHub: false });
  const origin = { source: 'owner/instruct' };
  expect(baseNameOf(path, { location: path, origin })).toEqual({ name: 'owner/instruct', isHub: true });
  // What a model was trained from is another model.
  expect(baseNameOf(path, { location: path, origin: { parent: 'owner/base' } }).isHub).toBe(false);
});
