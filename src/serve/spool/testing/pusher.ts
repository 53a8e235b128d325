/** Pushes records until it is killed, and prints the id of each that the disk has: `node pusher.ts FOLDER URL`. */
import { createSpool } from '../spool.ts';

const [, , folder, url] = process.argv;
const spool = createSpool({
  folder: folder!,
  url: url!,
  key: 'k',
  segmentBytes: 2000,
  retryMs: { first: 5, most: 20 },
});
for (let number = 0; ; number++) {
  const id = await spool.push({ type: 'inference', number, text: 'x'.repeat(number % 97) });
  process.stdout.write(`${id}\n`);
}
