import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startedTime } from '../src/cli/answer-file.ts';
import { comparisonTime } from '../src/cli/comparison-time.ts';
import { openModel, templateTimeOf, trainedTimeNote } from '../src/policy/index.ts';
import { openScoreSession, scorePairs } from '../src/score/index.ts';
import { parseScoreSpecification } from '../src/specification/index.ts';
import { buildCli, preftune } from './support/built-cli.ts';
import { temporaryFolder, TEMPLATE, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';
import { failureOf, metricLines, runDpo, runSft, type RunOptions } from './support/training.ts';

/** Chat templates that print the day, or the time of day: what a run is told is a part of it. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const TODAY = '2026-11-30T23:59:58.500+01:00';
const TOMORROW = '2026-12-01T08:00:00.000-05:00';

const dated = (format: string): string => `{{ '<|im_start|>It is ' + strftime_now('${format}') + '\\n' }}${TEMPLATE}`;
const turn = (role: string, content: string) => [{ role, content }];

beforeAll(async () => {
  const small = { hidden: 16, layers: 1 };
  await writeTinyModel(at('model'), { ...small, template: dated('%d %B %Y') });
  await writeTinyModel(at('clock'), { ...small, template: dated('%T') });
  await writeTinyModel(at('plain'), small);
  const rows = tinyPairs(12).map(({ prompt, chosen, rejected }) => ({
    prompt: turn('user', prompt),
    chosen: turn('assistant', chosen),
    rejected: turn('assistant', rejected),
  }));
  writeRows(at('pairs.jsonl'), rows);
  writeRows(
    at('answers.jsonl'),
    rows.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
  );
});
afterAll(folder.remove);

function given(model: string, output: string): Record<string, unknown> {
  return {
    model: at(model),
    data: at('pairs.jsonl'),
    output: at(output),
    lora: { rank: 2 },
    batchSize: 2,
    checkpointSteps: 2,
    samples: 0,
  };
}

const weights = (run: string): Buffer => readFileSync(at(run, 'adapter', 'adapter_model.safetensors'));
const told = (now: string, more: Partial<RunOptions> = {}): RunOptions => ({ folder: folder.path, now, ...more });

function specificationOf(run: string): Record<string, unknown> {
  return (JSON.parse(readFileSync(at(run, 'run.json'), 'utf8')) as { specification: Record<string, unknown> })
    .specification;
}

/** The run as an earlier version left it: no time, and a tokenizer's identity that held the day. */
function forgetTime(run: string, day: Date): void {
  const record = JSON.parse(readFileSync(at(run, 'run.json'), 'utf8')) as {
    specification: Record<string, unknown>;
    model: Record<string, unknown>;
  };
  delete record.specification['templateTime'];
  record.model['tokenizer'] = 'that of the day';
  writeFileSync(at(run, 'run.json'), JSON.stringify(record));
  utimesSync(at(run, 'run.json'), day, day);
}

it.each(['model', 'clock'])(
  '%s: a run goes on on another day, in another zone, as if it had never stopped',
  async (model) => {
    const [stopped, whole] = [`${model}-stopped`, `${model}-whole`];
    const first = await runDpo(given(model, stopped), told(TODAY, { stopAfter: 3 }));
    expect(first.result.isComplete).toBe(false);
    const printed = model === 'clock' ? '23:59:58' : '30 November 2026';
    const note = `the chat template prints the time: "${printed}" in every row of this run, also when it is resumed on another day`;
    expect(first.notes).toContain(note);
    expect(specificationOf(stopped)['templateTime']).toBe(TODAY);
    const resumed = await runDpo(given(model, stopped), told(TOMORROW, { isResuming: true }));
    expect(resumed.notes).toContain(note);
    // The stored reference is that of the same tokens.
    expect(resumed.references).toEqual([]);
    await runDpo(given(model, whole), told(TODAY));
    expect(metricLines(at(stopped))).toEqual(metricLines(at(whole)));
    expect(weights(stopped)).toEqual(weights(whole));
    expect(readFileSync(at(stopped, 'report.html'), 'utf8')).toContain(printed);
  },
);

it('another day is another run: other rows, another reference, and a time that is given is what is told', async () => {
  const later = await runDpo(given('model', 'tomorrow'), told(TOMORROW));
  expect(later.references.length).toBeGreaterThan(1);
  expect(weights('tomorrow')).not.toEqual(weights('model-whole'));
  const again = await runDpo({ ...given('model', 'again'), templateTime: '2026-11-30' }, told(TOMORROW));
  expect(again.references).toEqual([]);
  expect(weights('again')).toEqual(weights('model-whole'));
  const other = await failureOf(() =>
    runDpo({ ...given('model', 'again'), templateTime: '2026-12-01' }, told(TODAY, { isResuming: true })),
  );
  expect(other.messages).toContain(
    'templateTime must be what the run began with to resume it, got "2026-12-01" instead of "2026-11-30"; change it back or choose another --output',
  );
});

it('sft goes on too', async () => {
  const options = { ...given('clock', 'sft'), data: at('answers.jsonl') };
  await runSft(options, told(TODAY, { stopAfter: 3 }));
  const resumed = await runSft(options, told(TOMORROW, { isResuming: true }));
  expect(resumed.result.isComplete).toBe(true);
  await runSft({ ...options, output: at('sft-whole') }, told(TODAY));
  expect(weights('sft')).toEqual(weights('sft-whole'));
});

it('a template without the time: none is recorded, and one that is given has no effect', async () => {
  const { notes } = await runDpo(given('plain', 'plain-run'), told(TODAY));
  expect(notes.filter((note) => note.includes('time'))).toEqual([]);
  expect(specificationOf('plain-run')).not.toHaveProperty('templateTime');
  const { messages } = await failureOf(() =>
    runDpo({ ...given('plain', 'idle'), templateTime: '2026-11-30' }, told(TODAY)),
  );
  expect(messages).toEqual([
    `--template-time has no effect with ${at('plain')}, whose chat template does not print the time; leave it out`,
  ]);
  const wrong = await failureOf(() => runDpo({ ...given('model', 'wrong'), templateTime: '2026-02-30' }, told(TODAY)));
  expect(wrong.messages).toEqual([
    '--template-time must be a day or a local time in ISO 8601, such as 2026-11-30 or 2026-11-30T09:30, got "2026-02-30"',
  ]);
});

it('a run of an earlier version is taken to have begun when its run.json was written; elsewhere the day is asked for', async () => {
  const options = given('model', 'earlier');
  await runDpo(options, told('2026-10-05T12:00:00', { stopAfter: 3 }));
  forgetTime('earlier', new Date(2026, 9, 7));
  const { messages } = await failureOf(() => runDpo(options, told(TODAY, { isResuming: true })));
  expect(messages.map((message) => message.split(' ')[0])).toEqual(['data.train', '--template-time']);
  expect(messages.at(-1)).toBe(
    '--template-time must be the day on which the run began, which its version of preftune did not record, got 2026-10-07; its chat template prints the time into every row, so give the day that these had',
  );
  const said = await runDpo(
    { ...options, templateTime: '2026-10-05' },
    told(TODAY, { isResuming: true, stopAfter: 4 }),
  );
  expect(said.result.steps).toBe(4);
  utimesSync(at('earlier', 'run.json'), new Date(2026, 9, 5), new Date(2026, 9, 5));
  const resumed = await runDpo(options, told(TODAY, { isResuming: true }));
  expect(resumed.result.isComplete).toBe(true);
});

it('score says which time is read, and of a run whether it was trained on another', async () => {
  const notes: string[] = [];
  const score = (options: object) =>
    scorePairs(parseScoreSpecification({ model: at('model-whole'), data: at('pairs.jsonl'), threads: 1, ...options }), {
      resolve: async (named) => named,
      referenceCache: at('reference'),
      listener: { onNote: (note) => notes.push(note) },
      now: () => TOMORROW,
    });
  const today = await score({ templateTime: TODAY });
  expect(notes.filter((note) => note.includes('time'))).toEqual([
    'the chat template prints the time: "30 November 2026" in every row',
  ]);
  notes.length = 0;
  const tomorrow = await score({});
  expect(notes.filter((note) => note.includes('time'))).toEqual([
    'the chat template prints the time: "01 December 2026" in every row',
    `${at('model-whole')} was trained on "30 November 2026", the time in its chat template, which prints "01 December 2026" here; --template-time ${TODAY} gives the former`,
  ]);
  expect(tomorrow.row(0).chosenLogps).not.toBe(today.row(0).chosenLogps);
});

const identity = async (model: string, templateTime: string): Promise<string> => {
  const session = await openScoreSession({ model: at(model), maxLength: 64, templateTime });
  await session.close();
  return session.identity;
};

it('what is kept of rewards belongs to the day, where the template prints it', async () => {
  expect(await identity('model', TODAY)).toBe(await identity('model', '2026-11-30'));
  expect(await identity('model', TODAY)).not.toBe(await identity('model', TOMORROW));
  expect(await identity('plain', TODAY)).toBe(await identity('plain', TOMORROW));
});

it('a comparison and a file of answers go on with the time that they began with', async () => {
  const contestants = ['model', 'plain'].map((name) => ({
    kind: 'model' as const,
    name,
    source: at(name),
    model: at(name),
  }));
  const time = (output: string, templateTime?: string, named = contestants) =>
    comparisonTime(named, async (model) => model, { output, templateTime });
  mkdirSync(at('compared'));
  expect(await time(at('compared'), TODAY)).toBe(TODAY);
  expect(await time(at('compared'))).toBe(TODAY);
  expect((await failureOf(() => time(at('compared'), TOMORROW))).messages).toEqual([
    `--template-time must be what the comparison began with, got ${TOMORROW} instead of ${TODAY}; leave it out, or choose another --output`,
  ]);
  expect(await time(at('plain-run'), undefined, contestants.slice(1))).toBe(undefined);
  expect((await failureOf(() => time(at('plain-run'), TODAY, contestants.slice(1)))).messages).toEqual([
    `--template-time has no effect with ${at('plain')}, whose chat template does not print the time; leave it out`,
  ]);
  writeFileSync(at('answers.part'), `{"model":"m","templateTime":"${TODAY}"}\n{"id":"1"}\n`);
  expect(startedTime(at('answers'))).toBe(TODAY);
  writeFileSync(at('cut.part'), '{"model":"m","templ');
  expect([startedTime(at('cut')), startedTime(at('nothing'))]).toEqual([undefined, undefined]);
});

it('one time for all models of a command, of a run its own', async () => {
  let asked = 0;
  const now = (): string => [TODAY, TOMORROW][asked++]!;
  expect(templateTimeOf({}, { now })).toBe(TODAY);
  expect(asked).toBe(1);
  expect(templateTimeOf({ output: at('model-whole') }, { now: () => TOMORROW, isResuming: true })).toBe(TODAY);
  const { tokenizer, files } = await openModel(at('model'), { templateTime: '2026-11-30' });
  await files.close();
  expect(trainedTimeNote({ run: at('model-whole') }, tokenizer)).toBe(undefined);
  expect(trainedTimeNote({ run: at('plain-run') }, tokenizer)).toBe(undefined);
});

it('preftune: Ctrl-C behind a checkpoint, and --resume a day later', async () => {
  const main = buildCli();
  // Moves what JavaScript takes for now.
  writeFileSync(
    at('tomorrow.mjs'),
    `const Real = Date;
globalThis.Date = class extends Real {
  constructor(...parts) {
    if (parts.length === 0) super(Real.now() + 86_400_000);
    else super(...parts);
  }
};`,
  );
  const start = (words: string, options: Parameters<typeof preftune>[2] = {}) =>
    preftune(main, [...words.split(' '), '--reference-cache', at('reference')], { cwd: folder.path, ...options });
  const own = 'dpo --model clock --data pairs.jsonl --rank 2 --threads 1 --batch-size 2 --samples 0 --epochs 8';
  let isSent = false;
  const stopped = await start(`${own} --checkpoint-steps 3 --output cli`, {
    onError: (text, child) => {
      if (isSent || !text.includes('checkpoint saved')) return;
      isSent = true;
      child.kill('SIGINT');
    },
  });
  expect(stopped.code).toBe(130);
  const environment = { NODE_OPTIONS: `--import ${pathToFileURL(at('tomorrow.mjs')).href}`, TZ: 'Asia/Tokyo' };
  const resumed = await start('dpo --output cli --resume', { environment });
  expect(resumed.code).toBe(0);
  const time = String(specificationOf('cli')['templateTime']);
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{12}[+-]\d\d:\d\d$/);
  const whole = await start(`${own} --checkpoint-steps 3 --output cli-whole --template-time ${time}`);
  expect(whole.code).toBe(0);
  expect(weights('cli')).toEqual(weights('cli-whole'));
});
