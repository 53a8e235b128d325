/** A program for checkpoints.test.ts: writes checkpoints in a loop until it is killed, each file saying which step it belongs to. */
import { writeFileSync } from 'node:fs';
import { listCheckpoints, pruneCheckpoints, writeCheckpoint } from '../checkpoints.ts';

const run = process.argv[2]!;
const body = 'x'.repeat(20_000);
for (let step = (listCheckpoints(run).at(-1)?.step ?? 0) + 1; ; step++) {
  await writeCheckpoint(run, step, {
    files: {
      'state.json': (path) => writeFileSync(path, JSON.stringify({ step })),
      'adapter.safetensors': (path) => writeFileSync(path, `${step}:${body}:${step}`),
    },
  });
  if (step % 3 === 0) pruneCheckpoints(run, 2);
  if (step % 4 === 0) process.stdout.write(`${step}\n`);
}
