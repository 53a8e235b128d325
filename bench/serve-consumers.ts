/**
 * Clients of others that are heavy: OpenAI's for Python, and lm-evaluation-harness over both routes, whose log-probabilities are compared with those that the engine of
 * training computes.
 *
 *     python -m venv consumers && consumers/bin/pip install openai lm-eval transformers tenacity aiohttp
 *     npm run build && npx tsx bench/serve-consumers.ts --python consumers/bin/python
 *
 * Writes bench/results/serve-consumers.json.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openModel } from '../src/policy/index.ts';
import { sampleLogps } from '../src/score/index.ts';
import { EMBEDDED_MODEL, startTestServer } from '../test/support/server.ts';
import { machine } from './machine.ts';

const run = promisify(execFile);
const { values } = parseArgs({ options: { python: { type: 'string' } } });
if (values.python === undefined) throw new Error('--python must be given');
const python = resolve(values.python);
const folder = mkdtempSync(join(tmpdir(), 'preftune-serve-consumers-'));
const tasks = join(import.meta.dirname, 'consumers', 'lm-eval');
for (const name of readdirSync(tasks))
  writeFileSync(join(folder, name), readFileSync(join(tasks, name), 'utf8').replaceAll('__FOLDER__', folder));

const at = await startTestServer({ store: join(folder, 'store'), given: { servedModelName: 'embedded-model' } });

interface ChoiceSample {
  readonly arguments: Readonly<Record<string, { readonly arg_0: string; readonly arg_1: string }>>;
  readonly resps: readonly (readonly (readonly [string, string])[])[];
}

/** The harness over one route; its samples by task. */
async function harness(model: string, route: string, more: string, names: string): Promise<string> {
  const output = join(folder, model);
  const words = [
    'run',
    '--model',
    model,
    '--model_args',
    `model=embedded-model,base_url=${at.baseURL}/${route},num_concurrent=2,max_retries=1${more}`,
  ];
  const rest = ['--tasks', names, '--include_path', folder, '--output_path', output, '--log_samples'];
  const chat = route === 'completions' ? [] : ['--apply_chat_template'];
  await run(join(dirname(python), 'lm_eval'), [...words, ...rest, ...chat], {
    cwd: folder,
    env: { ...process.env, HF_HUB_OFFLINE: '1' },
  });
  return join(output, readdirSync(output)[0]!);
}

function samplesIn(path: string, task: string): unknown[] {
  const file = readdirSync(path).find((name) => name.startsWith(`samples_${task}`))!;
  return readFileSync(join(path, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

try {
  const client = await run(python, [
    join(import.meta.dirname, 'consumers', 'openai_client.py'),
    at.baseURL,
    'embedded-model',
  ]);
  const openai = JSON.parse(client.stdout) as object;
  const completions = await harness(
    'local-completions',
    'completions',
    `,tokenized_requests=True,tokenizer=${EMBEDDED_MODEL}`,
    'preftune_choices,preftune_answers',
  );
  const chat = await harness('local-chat-completions', 'chat/completions', '', 'preftune_answers');
  const { config, tokenizer, files } = await openModel(EMBEDDED_MODEL);
  let largest = 0;
  let compared = 0;
  const choices = samplesIn(completions, 'preftune_choices') as ChoiceSample[];
  const texts = choices.flatMap(({ arguments: asked, resps }) =>
    Object.values(asked).map(({ arg_0: context, arg_1: continuation }, place) => ({
      ids: tokenizer.encode(context + continuation),
      from: tokenizer.encode(context).length,
      told: Number(resps[place]![0]![0]),
    })),
  );
  const logps = await sampleLogps({ config, checkpoint: files.checkpoint }, texts);
  await files.close();
  let start = 0;
  for (const { ids, from, told } of texts) {
    const own = logps.slice(start + from - 1, start + ids.length - 1).reduce((sum, logp) => sum + logp, 0);
    largest = Math.max(largest, Math.abs(own - told));
    start += ids.length - 1;
    compared++;
  }
  const answersOf = (path: string): unknown[] =>
    samplesIn(path, 'preftune_answers').map((sample) => (sample as { resps: unknown }).resps);
  const result = {
    openai,
    lmEval: {
      loglikelihoods: compared,
      largestDifferenceNats: largest,
      completions: answersOf(completions),
      chat: answersOf(chat),
    },
    machine: machine(),
  };
  writeFileSync(join(import.meta.dirname, 'results', 'serve-consumers.json'), `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
} finally {
  await at.close();
  rmSync(folder, { recursive: true, force: true });
}
