/** A program for lock.test.ts: takes the lock, says so, and holds it until its input ends; with `die` it ends without giving it back. */
import { acquireLock } from '../lock.ts';

const [path, manner] = process.argv.slice(2);
try {
  const lock = acquireLock(path!, 'RUN');
  process.stdout.write('taken\n');
  if (manner === 'die') process.kill(process.pid, 'SIGKILL');
  process.stdin.resume();
  process.stdin.on('end', () => lock.release());
} catch (error) {
  process.stdout.write(`refused: ${(error as Error).message}\n`);
}
