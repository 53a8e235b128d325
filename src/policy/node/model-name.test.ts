import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PreftuneError } from '../../core/index.ts';
import { tryLock } from '../../files/index.ts';
import { makeTemporaryFolder, removeFolder } from '../../files/testing/support.ts';
import { adapterText, parseAdapterName, parseModelAndAdapter, parseModelName, type ModelName } from './model-name.ts';

/** Every spelling of a model and of an adapter, and every refusal, word for word. */
const folder = makeTemporaryFolder();
const at = (...names: string[]): string => join(folder, ...names);

function write(path: string, text = '{}'): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
}

function writeModel(path: string): void {
  write(join(path, 'config.json'));
}

function writeAdapter(path: string, base?: string): void {
  write(join(path, 'adapter_config.json'), JSON.stringify({ base_model_name_or_path: base }));
}

/** A run folder as training leaves it, with checkpoints of these steps. */
function writeRun(path: string, specification: object, steps: readonly number[] = []): void {
  write(join(path, 'run.json'), JSON.stringify({ formatVersion: 1, specification }));
  for (const step of steps) write(join(path, 'checkpoints', `step-${step}`, 'state.json'));
}

beforeAll(() => {
  writeModel(at('model'));
  writeModel(at('a+b'));
  writeModel(at('model@step-1'));
  write(at('m.gguf'), '');
  writeAdapter(at('adapter'), 'owner/base');
  writeAdapter(at('c+d'));
  writeRun(at('run'), { model: at('model'), method: 'lora' }, [10, 20]);
  writeAdapter(at('run', 'adapter'));
  writeRun(at('hub-run'), { model: 'owner/base@v1', method: 'lora' });
  writeAdapter(at('hub-run', 'adapter'));
  writeRun(at('full'), { model: at('model'), method: 'full' }, [5]);
  writeModel(at('full', 'model'));
  writeRun(at('on-full'), { model: at('full'), method: 'lora' });
  writeAdapter(at('on-full', 'adapter'));
  writeRun(at('stopped'), { model: at('model'), method: 'lora' }, [3, 6]);
  writeRun(at('begun'), { model: at('model'), method: 'full' });
  writeRun(at('moved'), { model: at('nowhere'), method: 'lora' });
  writeAdapter(at('moved', 'adapter'));
  writeRun(at('damaged'), { method: 'lora' });
  writeAdapter(at('damaged', 'adapter'));
});
afterAll(() => removeFolder(folder));

function short(path: string): string {
  return path.replace(`${folder}/`, '');
}

/** The parts of a name, without the folder that the test has made. */
function parts({ model, adapter, checkpoint, run }: ModelName): Record<string, string> {
  return {
    model: short(model),
    ...(adapter && { adapter: short(adapterText(adapter)) }),
    ...(checkpoint && { checkpoint: short(checkpoint.path) }),
    ...(run !== undefined && { run: short(run) }),
  };
}

it.each([
  ['model', { model: 'model' }],
  ['m.gguf', { model: 'm.gguf' }],
  ['model+adapter', { model: 'model', adapter: 'adapter' }],
  ['model+run', { model: 'model', adapter: 'run/adapter' }],
  ['model+run/adapter', { model: 'model', adapter: 'run/adapter' }],
  ['model+run@step-20', { model: 'model', adapter: 'run@step-20' }],
  ['run', { model: 'model', adapter: 'run/adapter', run: 'run' }],
  ['run/adapter', { model: 'model', adapter: 'run/adapter', run: 'run' }],
  ['run@step-10', { model: 'model', adapter: 'run@step-10', run: 'run' }],
  ['run/checkpoints/step-10', { model: 'model', adapter: 'run@step-10', run: 'run' }],
  ['stopped@step-6', { model: 'model', adapter: 'stopped@step-6', run: 'stopped' }],
  ['hub-run', { model: 'owner/base@v1', adapter: 'hub-run/adapter', run: 'hub-run' }],
  ['full', { model: 'full/model', run: 'full' }],
  ['full@step-5', { model: 'model', checkpoint: 'full/checkpoints/step-5', run: 'full' }],
  ['full+adapter', { model: 'full/model', adapter: 'adapter' }],
  ['on-full', { model: 'full/model', adapter: 'on-full/adapter', run: 'on-full' }],
  // What is on disk under the whole name wins.
  ['a+b', { model: 'a+b' }],
  ['model@step-1', { model: 'model@step-1' }],
  ['a+b+c+d', { model: 'a+b', adapter: 'c+d' }],
  ['a+b+run@step-10', { model: 'a+b', adapter: 'run@step-10' }],
])('%s', (text, expected) => {
  const words = text.split('+');
  // Parts that are names of their own get the test's folder each.
  const whole = text === 'a+b+c+d' ? `${at('a+b')}+${at('c+d')}` : undefined;
  const adapted = text.startsWith('a+b+run') ? `${at('a+b')}+${at('run@step-10')}` : undefined;
  const joined = words.length === 2 && text !== 'a+b' ? words.map((word) => at(word)).join('+') : at(text);
  expect(parts(parseModelName(whole ?? adapted ?? joined))).toEqual(expected);
});

it('ids of the hub are left to whoever fetches them', () => {
  expect(parseModelName('owner/name')).toEqual({ text: 'owner/name', model: 'owner/name' });
  expect(parseModelName('owner/name@4f3c2a1')).toEqual({ text: 'owner/name@4f3c2a1', model: 'owner/name@4f3c2a1' });
  const name = parseModelName(`owner/name@main+${at('run')}`);
  expect(parts(name)).toEqual({ model: 'owner/name@main', adapter: 'run/adapter' });
});

it('an adapter that is named apart', () => {
  const named = (adapter: string): string => short(adapterText(parseAdapterName(at(adapter))));
  expect(['adapter', 'run', 'run/adapter', 'run@step-20', 'run/checkpoints/step-20'].map(named)).toEqual([
    'adapter',
    'run/adapter',
    'run/adapter',
    'run@step-20',
    'run@step-20',
  ]);
  expect(parts(parseModelAndAdapter({ model: at('model'), adapter: at('run') }))).toEqual({
    model: 'model',
    adapter: 'run/adapter',
  });
});

/** What is refused, with the test's folder as `@`. */
function refusal(work: () => unknown): string[] {
  try {
    work();
  } catch (thrown) {
    if (!(thrown instanceof PreftuneError) || thrown.code !== 'bad-input') throw thrown;
    return thrown.message.replaceAll(`${folder}/`, '').split('\n');
  }
  throw new Error('it must be refused');
}

const NO_ADAPTER = 'the adapter must be a folder that exists, as PEFT writes it; check the path';
const A_MODEL = 'the adapter must be a PEFT folder, got a model; name it in the place of the model';

it.each([
  [
    'adapter',
    'adapter: the model must hold weights, got a PEFT adapter; write MODEL+adapter with the model that it was trained on (adapter_config.json names owner/base)',
  ],
  [
    'c+d',
    'c+d: the model must hold weights, got a PEFT adapter; write MODEL+c+d with the model that it was trained on',
  ],
  ['run@step-7', 'run: the run must have a checkpoint step-7, it has step-10, step-20'],
  ['begun@step-7', 'begun: the run must have a checkpoint step-7, it has none'],
  ['nothing@step-7', 'nothing: step-7 must be a checkpoint of a run folder, got nothing at this path; check the path'],
  ['adapter@step-7', 'adapter: step-7 must be a checkpoint of a run folder, got no run at this path; check the path'],
  [
    'stopped',
    'stopped: the run must have ended with adapter/, it holds none; continue it with --resume, or name a checkpoint: stopped@step-3, stopped@step-6',
  ],
  ['begun', 'begun: the run must have ended with model/, it holds none; continue it with --resume'],
  [
    'moved',
    'nowhere: the model that moved was trained on must exist, got nothing at its path; say where it is now: MODEL+moved',
  ],
  ['damaged', 'damaged: run.json must name the model that the run was trained on, it does not'],
])('%s is refused', (text, message) => {
  expect(refusal(() => parseModelName(at(text)))).toEqual([message]);
});

it.each([
  ['model', 'nothing', [`nothing: ${NO_ADAPTER}`]],
  ['model', 'model', [`model: ${A_MODEL}`]],
  ['model', 'm.gguf', [`m.gguf: ${A_MODEL}`]],
  [
    'model',
    'adapter/adapter_config.json',
    ['adapter/adapter_config.json: the adapter must be a PEFT folder, got a file; name the folder it lies in'],
  ],
  [
    'model',
    'full',
    ['full: the adapter must be a PEFT folder, got a run that trained every weight; name it in the place of the model'],
  ],
  ['model', 'run@step-7', ['run: the run must have a checkpoint step-7, it has step-10, step-20']],
  [
    'run',
    'adapter',
    [
      'run: a model that an adapter is put on must have none of its own, got one with run/adapter; name model, or leave adapter out',
    ],
  ],
  [
    'stopped',
    'nothing',
    [
      'stopped: the run must have ended with adapter/, it holds none; continue it with --resume, or name a checkpoint: stopped@step-3, stopped@step-6',
      `nothing: ${NO_ADAPTER}`,
    ],
  ],
])('%s with the adapter %s is refused', (model, adapter, messages) => {
  expect(refusal(() => parseModelAndAdapter({ model: at(model), adapter: at(adapter) }))).toEqual(messages);
});

it('a run that is still training says so, and what can be had of it', () => {
  const { lock } = tryLock(at('stopped', '.lock'));
  try {
    expect(refusal(() => parseModelName(at('stopped')))).toEqual([
      'stopped: the run is still training and has no adapter/ yet; wait until it ends, or name a checkpoint: stopped@step-3, stopped@step-6',
    ]);
    expect(parts(parseModelName(at('stopped@step-3'))).adapter).toBe('stopped@step-3');
  } finally {
    lock!.release();
  }
});
