/** Writes rows until the system refuses one, and prints what it then says and what is still there: run with `ulimit -f`. */
import { openDatabase, sql } from '../index.ts';
import { NOTEBOOK } from './notebook.ts';

const database = await openDatabase(process.argv[2]!, NOTEBOOK);
let acknowledged = 0;
try {
  for (; acknowledged < 1000; acknowledged++)
    await database.write([
      sql('INSERT INTO notes (id, text) VALUES (?, ?)', acknowledged, `${acknowledged}`.repeat(5000)),
    ]);
} catch (error) {
  process.stdout.write(`${(error as Error).message}\n`);
}
const [row] = await database.read(sql('SELECT count(*) AS count FROM notes'));
process.stdout.write(`${JSON.stringify({ acknowledged, count: row!.count })}\n`);
await database.close().catch(() => undefined);
