import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PreftuneError } from '../../core/index.ts';
import { tryLock } from '../../files/index.ts';
import { makeTemporaryFolder, removeFolder } from '../../files/testing/support.ts';
import { placesOf } from '../../store/index.ts';
import { markOf } from './moved-model.ts';
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
function writeRun(path: string, specification: object, steps: readonly number[] = [], places?: object): void {
  write(join(path, 'run.json'), JSON.stringify({ formatVersion: 1, specification, places }));
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
  writeRun(at('full-stopped'), { model: at('model'), method: 'full' }, [4]);
  writeRun(at('measured'), { model: at('model'), method: 'lora' }, [10, 20]);
  const measured = [0.6, 0.5, 0.7].map((loss, i) => JSON.stringify({ step: 10 * i, eval_loss: loss }));
  write(at('measured', 'metrics.jsonl'), `${measured.join('\n')}\n`);
  writeModel(at('earlier', 'base'));
  for (const name of ['one', 'two']) {
    writeRun(at('earlier', 'runs', name), { model: name === 'one' ? 'base' : '/away/gone.gguf', method: 'lora' });
    writeAdapter(at('earlier', 'runs', name, 'adapter'));
  }
  write(at('earlier', 'runs', 'models', 'gone.gguf'), '');
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
    'begun',
    'begun: the run must have ended with model/ or have a checkpoint, it has neither; continue it with --resume',
  ],
  [
    'moved',
    "nowhere: the model that moved was trained on must exist, got nothing at its path, nor its files beside the run, here or in the hub's cache; say where it is now: MODEL+moved",
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
      `nothing: ${NO_ADAPTER}`,
      'stopped: a model that an adapter is put on must have none of its own, got one with stopped@step-6; name model, or leave nothing out',
    ],
  ],
])('%s with the adapter %s is refused', (model, adapter, messages) => {
  expect(refusal(() => parseModelAndAdapter({ model: at(model), adapter: at(adapter) }))).toEqual(messages);
});

it('a run that has not ended is its last checkpoint, and says so', () => {
  const name = parseModelName(at('stopped'));
  expect([parts(name), name.notes?.map(short)]).toEqual([
    { model: 'model', adapter: 'stopped@step-6', run: 'stopped' },
    [
      `stopped has not ended (--resume continues it) and has no adapter/ yet: its last checkpoint is taken, ${at('stopped')}@step-6`,
    ],
  ]);
  const { lock } = tryLock(at('stopped', '.lock'));
  try {
    expect(parseModelAndAdapter({ model: at('model'), adapter: at('stopped') }).notes?.map(short)).toEqual([
      `stopped is still training and has no adapter/ yet: its last checkpoint is taken, ${at('stopped')}@step-6`,
    ]);
    expect(parts(parseModelName(at('stopped@step-3'))).adapter).toBe('stopped@step-3');
    expect(refusal(() => parseModelName(at('begun')))).toEqual([
      'begun: the run must have ended with model/ or have a checkpoint, it has neither; continue it with --resume',
    ]);
  } finally {
    lock!.release();
  }
  expect(parts(parseModelName(at('full-stopped')))).toEqual({
    model: 'model',
    checkpoint: 'full-stopped/checkpoints/step-4',
    run: 'full-stopped',
  });
});

it('the best and the last checkpoint of a run', () => {
  const best = parseModelName(at('measured@best'));
  expect([parts(best).adapter, best.notes?.map(short)]).toEqual([
    'measured@step-10',
    ['measured@best is step-10 (loss 0.5 on held-out rows)'],
  ]);
  expect(parts(parseModelName(at('measured@last'))).adapter).toBe('measured@step-20');
  const apart = parseModelAndAdapter({ model: at('model'), adapter: at('measured@best') });
  expect([parts(apart).adapter, apart.notes?.length]).toEqual(['measured@step-10', 1]);
  expect(refusal(() => parseModelName(at('run@best')))[0]).toContain(
    'run: the run must have evaluated held-out rows after its first step to have a best checkpoint',
  );
  expect(refusal(() => parseModelName(at('nothing@best')))).toEqual([
    'nothing: best must be a checkpoint of a run folder, got nothing at this path; check the path',
  ]);
  expect(refusal(() => parseModelName(at('measurd@last')))).toEqual([
    'measurd: last must be a checkpoint of a run folder, got nothing at this path; did you mean measured@last?',
  ]);
});

it('the model of a run is found from any directory, and together with the run at another place', () => {
  const [before, place] = [process.cwd(), at('work')];
  writeModel(join(place, 'models', 'base'));
  writeFileSync(join(place, 'models', 'base', 'model.safetensors'), 'weights');
  process.chdir(place);
  try {
    const places = { ...placesOf('runs/one'), model: markOf('models/base')! };
    writeRun(join(place, 'runs', 'one'), { model: './models/base', method: 'lora' }, [], places);
    writeAdapter(join(place, 'runs', 'one', 'adapter'));
    expect(parseModelName('runs/one').model).toBe('./models/base');
    process.chdir(join(place, 'models'));
    expect(parseModelName('../runs/one').model).toBe('base');
    process.chdir('/');
    expect(resolve(parseModelName(join(place, 'runs', 'one')).model)).toBe(join(place, 'models', 'base'));
    // All of it is moved.
    renameSync(place, at('moved-work'));
    const moved = parseModelName(at('moved-work', 'runs', 'one'));
    expect([resolve(moved.model), moved.notes]).toEqual([at('moved-work', 'models', 'base'), undefined]);
    // Only the model is, and it has another name.
    mkdirSync(at('moved-work', 'other'));
    renameSync(at('moved-work', 'models', 'base'), at('moved-work', 'other', 'renamed'));
    writeModel(at('moved-work', 'base'));
    writeFileSync(at('moved-work', 'base', 'model.safetensors'), 'others.');
    const renamed = parseModelName(at('moved-work', 'runs', 'one'));
    expect(resolve(renamed.model)).toBe(at('moved-work', 'other', 'renamed'));
    expect(renamed.notes?.map(short)).toEqual([
      `moved-work/runs/one/run.json names ./models/base, which is not there; ${renamed.model} is the same file and is taken`,
    ]);
  } finally {
    process.chdir(before);
  }
});

it('a run of an earlier version, which did not say where it began, finds its model above it', () => {
  const old = parseModelName(at('earlier', 'runs', 'one'));
  expect([resolve(old.model), old.notes]).toEqual([at('earlier', 'base'), undefined]);
  const moved = parseModelName(at('earlier', 'runs', 'two'));
  expect([short(resolve(moved.model)), moved.notes?.[0]]).toEqual([
    'earlier/runs/models/gone.gguf',
    expect.stringMatching(
      /run.json names \/away\/gone.gguf, which is not there; .*gone.gguf has its name and is tried$/,
    ),
  ]);
});
