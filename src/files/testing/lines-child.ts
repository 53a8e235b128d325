/** A program for json-lines.test.ts: appends numbers until it is killed, and says each when it is in the file. */
import { JsonLines } from '../json-lines.ts';

const limits = { what: 'numbers', mostLineBytes: 1000 };
let next = 0;
const lines = new JsonLines(process.argv[2]!, {
  ...limits,
  header: { value: { numbers: true }, otherwise: 'must hold numbers' },
  onLine: () => void next++,
});
for (;;) {
  lines.append({ number: next, filler: 'x'.repeat(next % 500) });
  process.stdout.write(`${next++}\n`);
  if (next % 50 === 0) lines.flush();
  // Leaves room for the output to go.
  await new Promise((resolve) => setImmediate(resolve));
}
