import { afterEach, expect, test } from 'vitest';
import { startSide, type Side, type SideCommand } from './side.ts';

const READY = { event: 'ready', seconds_precompute: 0, pairs_precomputed: 0, threads: 1, versions: {} };
const sides: Side[] = [];
afterEach(() => {
  for (const side of sides.splice(0)) side.kill();
});

/** A side that runs `script` in Node, with `tell(event)` to print an event. */
function command(script: string): SideCommand {
  const tell = 'const tell = (event) => console.log(JSON.stringify(event));';
  return {
    name: 'a side',
    command: process.execPath,
    args: ['-e', `${tell}${script}`],
    environment: { COLOUR: 'blue' },
  };
}

test('a side steps once for each word, knows its environment, and ends when it is told to', async () => {
  const side = await startSide(
    command(`
      tell({ ...${JSON.stringify(READY)}, versions: { colour: process.env.COLOUR } });
      let steps = 0;
      require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
        if (line === 'step') tell({ event: 'step', seconds: ++steps, loss: 0.5, tokens: 3, minor_page_faults: 7 });
        else tell({ event: 'end', peak_rss_mb: steps, minor_page_faults: 9 });
      });
    `),
  );
  sides.push(side);
  expect(side.ready.versions).toEqual({ colour: 'blue' });
  expect([await side.step(), await side.step()].map(({ seconds }) => seconds)).toEqual([1, 2]);
  expect(await side.stop()).toEqual({ event: 'end', peak_rss_mb: 2, minor_page_faults: 9 });
});

test('a side that fails is told with its exit status and its error output', async () => {
  await expect(startSide(command('console.error("no such model"); process.exitCode = 3;'))).rejects.toThrow(
    'a side: the process must run to its end, it ended with 3:\nno such model',
  );
});

test('a line that is no event is shown', async () => {
  await expect(startSide(command('console.log("loading ..."); setInterval(() => {}, 1000);'))).rejects.toThrow(
    'a side: an event "ready" must follow, got "loading ..."',
  );
});
