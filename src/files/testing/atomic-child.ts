/** A program for atomic.test.ts: writes half of `path`, as a file or a folder, says so, and waits to be killed; `lasting` ends the wait and the rest. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { streamFileAtomic, writeFolderAtomic } from '../atomic.ts';

const [path, kind] = process.argv.slice(2);

function wait(): Promise<void> {
  process.stdout.write('half\n');
  return new Promise((resolve) => process.stdin.once('data', () => resolve()));
}

if (kind === 'folder') {
  await writeFolderAtomic(path!, async (folder) => {
    writeFileSync(join(folder, 'half'), 'half');
    await wait();
  });
} else {
  await streamFileAtomic(path!, async (file) => {
    await file.writeFile('half');
    await wait();
  });
}
process.stdin.destroy();
