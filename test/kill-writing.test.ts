import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';

/**
 * Kill -9 while what a run leaves behind is written: the weights that stand half-written beside their place then, gigabytes of a real model, are gone after
 * the next start, and nothing but them.
 */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const KILL = at('kill.mjs');
let main: string;

beforeAll(async () => {
  main = buildCli();
  await writeTinyModel(at('model'));
  writeRows(at('pairs.jsonl'), tinyPairs(8));
  // Ends the process for good in the middle of a file of weights: after the second write into one that KILL_AT names.
  writeFileSync(
    KILL,
    `import fs from 'node:fs/promises';
     import { syncBuiltinESMExports } from 'node:module';
     const open = fs.open;
     let writes = 0;
     fs.open = async (path, ...rest) => {
       const file = await open(path, ...rest);
       if (new RegExp(process.env.KILL_AT).test(path)) {
         const write = file.write.bind(file);
         file.write = async (...what) => {
           const written = await write(...what);
           if (++writes === 2) process.kill(process.pid, 'SIGKILL');
           return written;
         };
       }
       return file;
     };
     syncBuiltinESMExports();`,
  );
});
afterAll(folder.remove);

/** Every file below a folder, but for TensorBoard's, whose names hold the time. */
function listing(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(path, name)).isFile() && !name.startsWith('tensorboard'))
    .toSorted();
}

async function run(line: string, killAt?: string): Promise<void> {
  const kill = killAt === undefined ? {} : { NODE_OPTIONS: `--import=${KILL}`, KILL_AT: killAt };
  const ended = await preftune(main, line.split(' '), {
    cwd: folder.path,
    environment: { XDG_CACHE_HOME: at('cache'), ...kill },
  });
  const wanted = killAt === undefined ? [0, null] : [null, 'SIGKILL'];
  expect([ended.code, ended.signal], ended.err).toEqual(wanted);
}

const OPTIONS =
  'dpo --model model --data pairs.jsonl --threads 1 --batch-size 4 --max-steps 2 --checkpoint-steps 1 --samples 0';

it.each([
  [
    'full',
    'model',
    ['config.json', 'generation_config.json', 'preftune.json', 'tokenizer.json', 'tokenizer_config.json'],
  ],
  ['lora --rank 2', 'adapter', ['adapter_config.json', 'preftune.json']],
])('a run of method %s that is killed while it writes RUN/%s leaves nothing', async (method, artefact, companions) => {
  const straight = `straight-${artefact}`;
  const output = `killed-${artefact}`;
  await run(`${OPTIONS} --method ${method} --output ${straight}`);
  await run(`${OPTIONS} --method ${method} --output ${output}`, String.raw`\.tmp-.*model\.safetensors`);
  // A folder beside its place, with what was written so far and half of the weights.
  const remains = listing(at(output)).filter((name) => name.startsWith('.tmp-'));
  const weights = artefact === 'model' ? 'model.safetensors' : 'adapter_model.safetensors';
  const known = remains.map((name) => name.replaceAll(/\.tmp-([\w.]+)-\d+-[0-9a-f-]+/g, 'half $1'));
  expect(known).toEqual([weights, ...companions].map((name, i) => `half ${artefact}/${i === 0 ? 'half ' : ''}${name}`));
  await run(`dpo --output ${output} --resume`);
  expect(listing(at(output))).toEqual(listing(at(straight)));
});

it.each([
  ['a folder', 'exported', '--to hf'],
  ['one file', 'exported.gguf', '--to gguf'],
])('an export to %s that is killed leaves nothing after the next', async (_what, output, to) => {
  const before = readdirSync(folder.path).toSorted();
  const line = `export --model model ${to} --output ${output} --threads 1`;
  await run(line, String.raw`\.tmp-.*(safetensors|gguf)`);
  const left = readdirSync(folder.path).filter((name) => !before.includes(name));
  expect(left.map((name) => name.replace(/-\d+-[0-9a-f-]+$/, ''))).toEqual([`.tmp-${output}`]);
  await run(line);
  expect(readdirSync(folder.path).toSorted()).toEqual([...before, output].toSorted());
});
