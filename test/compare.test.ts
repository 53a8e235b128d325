import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMPARE } from '../src/cli/compare.ts';
import { runCli } from '../src/cli/index.ts';
import {
  headlineOf,
  outcomeOf,
  standingsOf,
  verdictOfPair,
  type Answers,
  type ContestantMatch,
  type Measured,
} from '../src/evaluate/index.ts';
import { startJudgeServer, type JudgeServer, type Served } from '../src/judge/testing/judge-server.ts';
import { eventsOf, kindsOf } from './support/events.ts';
import { temporaryFolder, tinyPairs, writeRows, writeTinyModel } from './support/tiny-model.ts';
import { runDpo } from './support/training.ts';

/** `preftune compare`: contestants of every kind, judges, people, what is kept, and what is said. */
const folder = temporaryFolder();
const at = (...names: string[]): string => join(folder.path, ...names);
const PROMPTS = Array.from({ length: 30 }, (_, i) => ({ id: `p${i}`, prompt: `Question ${i}?` }));

beforeAll(async () => {
  writeRows(at('prompts.jsonl'), PROMPTS as never);
  writeRows(at('short.jsonl'), PROMPTS.map(({ id }) => ({ id, answer: 'Yes.' })) as never);
  writeRows(
    at('long.jsonl'),
    PROMPTS.map(({ prompt }, i) => ({ prompt, answer: i < 24 ? 'Yes, and here is why.' : 'No' })) as never,
  );
  writeRows(at('same.jsonl'), PROMPTS.map(({ id }, i) => ({ id, answer: i % 2 ? 'Yes!' : 'Ye.' })) as never);
});
afterAll(folder.remove);

async function compare(line: string, environment: Record<string, string> = {}) {
  let [out, err] = ['', ''];
  const code = await runCli(['compare', ...line.split(' ')], {
    version: '0',
    commands: [{ name: 'compare', description: COMPARE.description, load: async () => COMPARE }],
    process: {
      stdout: { write: (text) => void (out += text) },
      stderr: { columns: 90, write: (text) => void (err += text) },
      environment: { XDG_CACHE_HOME: at('cache'), ...environment },
      signals: { on: () => undefined, off: () => undefined } as never,
      endAtOnce: () => undefined,
    },
  });
  return { code, out, err };
}

const LONGER = '--judges [{"kind":"length","prefer":"longer","unit":"words"}]';

describe('answers that are there', () => {
  it('a clear winner: verdict, intervals, length, a page', async () => {
    const { code, out } = await compare(
      `${at('short.jsonl')} ${at('long.jsonl')} --prompts ${at('prompts.jsonl')} ${LONGER} --output ${at('clear')}`,
    );
    expect(code).toBe(0);
    // 24 won, 6 tied: (24 + 3) / 30.
    expect(out).toMatch(
      /^long is better than short: it wins 90 % \(95 % [78]\d to 9\d\) of 30 comparisons on 30\s+prompts\./,
    );
    expect(out).toMatch(/Its answers are \d+ % longer; at equal length it would win/);
    const value = JSON.parse(readFileSync(at('clear', 'comparison.json'), 'utf8')) as {
      pairs: { winRate: { rate: number; wins: number; ties: number } }[];
    };
    expect(value.pairs[0]!.winRate).toMatchObject({ rate: 0.9, wins: 24, ties: 6 });
    const page = readFileSync(at('clear', 'report.html'), 'utf8');
    expect(page.indexOf('long is better than short')).toBeLessThan(page.indexOf('Win rates'));
    expect(page).toContain('aria-label="Win rates: long 90.0 %"');
    expect(page).toContain('<ins>');
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });

  it('no difference: it cannot tell, and says how many prompts would', async () => {
    const { code, out } = await compare(
      `${at('short.jsonl')} ${at('same.jsonl')} --prompts ${at('prompts.jsonl')} --judges [{"kind":"contains","texts":["!"]}] --max-prompts 3 --output ${at('unclear')}`,
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^Cannot tell same from short: it wins 67 %/);
    expect(out).toMatch(/prompts are needed\.|show no difference at all\./);
  });

  it('three contestants have ratings, and intervals that hold for both comparisons', async () => {
    const { code, out } = await compare(
      `${at('short.jsonl')} ${at('long.jsonl')} ${at('same.jsonl')} --prompts ${at('prompts.jsonl')} ${LONGER} --json --output ${at('three')}`,
    );
    expect(code).toBe(0);
    const { ratings, level, pairs } = JSON.parse(out) as {
      level: number;
      ratings: { name: string; rating: number; rank: number }[];
      pairs: { model: string }[];
    };
    expect(level).toBe(0.975);
    expect(pairs.map(({ model }) => model)).toEqual(['long', 'same']);
    expect(ratings.toSorted((a, b) => b.rating - a.rating)[0]!.name).toBe('long');
    expect(ratings.reduce((sum, { rating }) => sum + rating, 0) / 3).toBeCloseTo(1000, 6);
  });

  it('everything that is wrong is said before anything is judged', async () => {
    writeRows(at('few.jsonl'), [{ id: 'p0', answer: 'a' }] as never);
    const few = await compare(
      `${at('short.jsonl')} ${at('few.jsonl')} --prompts ${at('prompts.jsonl')} ${LONGER} --output ${at('few')}`,
    );
    expect([few.code, few.err]).toEqual([
      2,
      `${at('few.jsonl')}: must hold an answer to every prompt, 29 of 30 lack one, the first is p1; rows are joined by id, or by the prompt's text\n`,
    ]);
    const twice = await compare(
      `${at('short.jsonl')} ${at('short.jsonl')} https://x.test/v1 --prompts ${at('prompts.jsonl')} ${LONGER} --output ${at('few')}`,
    );
    expect([twice.code, twice.err.trim().split('\n')]).toEqual([
      2,
      [
        'compare: an address must name its model behind #, got https://x.test/v1; write https://x.test/v1#model',
        'compare: every contestant must have a name of its own, got short twice; write NAME=short before one',
      ],
    ]);
    const usage = await compare(
      `${at('short.jsonl')} ${at('long.jsonl')} --prompts ${at('prompts.jsonl')} --samples 2 --top-p 0.5 --output ${at('few')}`,
    );
    expect([usage.code, usage.err.trim().split('\n')]).toEqual([
      2,
      [
        '--samples has no effect with --temperature 0, which draws the same each time; give a temperature',
        '--top-p has no effect with --temperature 0, which draws nothing; leave it out',
        '--judge-model or --judges must be given, got neither; without a language model: --judges sentiment, or another rule of docs/judges.md',
      ],
    ]);
    const none = await compare(
      `${at('short.jsonl')} ${at('long.jsonl')} --prompts ${at('prompts.jsonl')} --output ${at('few')}`,
    );
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('--judge-model or --judges must be given')]);
  });
});

describe('people', () => {
  it('blind rows go out and come back as judges, beside a rule', async () => {
    const base = `${at('short.jsonl')} ${at('long.jsonl')} --prompts ${at('prompts.jsonl')} --output ${at('people')}`;
    expect((await compare(`${base} --export-people ${at('blind.jsonl')}`)).code).toBe(0);
    const rows = readFileSync(at('blind.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    expect(rows.length).toBe(30);
    expect(Object.keys(rows[0]!)).toEqual(['id', 'prompt', 'first', 'second', 'verdict']);
    expect(JSON.stringify(rows)).not.toMatch(/short|long\b/);
    // Both orders are there.
    const firstIsLong = rows.filter(({ first }) => first !== 'Yes.').length;
    expect(firstIsLong).toBeGreaterThan(3);
    expect(firstIsLong).toBeLessThan(27);
    // Ann prefers the short one wherever it differs; Ben judges ten.
    const filled = (name: string, count: number): string => {
      const path = at(`${name}.jsonl`);
      const lines = rows
        .slice(0, count)
        .map((row) =>
          JSON.stringify({ ...row, annotator: name, verdict: row['first'] === 'Yes.' ? 'first' : 'second' }),
        );
      writeFileSync(path, [...lines, ...rows.slice(count).map((row) => JSON.stringify(row))].join('\n'));
      return path;
    };
    const { code, out } = await compare(`${base} --people ${filled('ann', 30)} --people ${filled('ben', 10)} --json`);
    expect(code).toBe(0);
    const value = JSON.parse(out) as {
      judges: string[];
      pairs: { winRate: { rate: number } }[];
      agreement: { judges: string[]; matches: number; share: number }[];
    };
    expect(value.judges).toEqual(['ann', 'ben']);
    expect(value.pairs[0]!.winRate.rate).toBe(0);
    expect(value.agreement).toMatchObject([{ judges: ['ann', 'ben'], matches: 10, share: 1 }]);
    writeFileSync(
      at('wrong.jsonl'),
      `${JSON.stringify({ ...rows[0], verdict: 'left' })}\n{"id":"x","verdict":"first"}\nnothing`,
    );
    const wrong = await compare(`${base} --people ${at('wrong.jsonl')}`);
    expect([wrong.code, wrong.err.trim().split('\n')]).toEqual([
      2,
      [
        `${at('wrong.jsonl')}:1: verdict must be first, second or tie, got "left"`,
        `${at('wrong.jsonl')}:2: id must be of this comparison, got "x"; it was made by another one`,
        `${at('wrong.jsonl')}:3: must be a JSON object, as the file that was filled in`,
      ],
    ]);
  });
});

describe('models, endpoints, language models as judges', () => {
  let server: JudgeServer | undefined;
  afterAll(async () => server?.close());

  it('draws, asks and judges once: what fails half-way goes on where it was', { timeout: 120_000 }, async () => {
    await writeTinyModel(at('model'), { hidden: 16, layers: 1 });
    writeRows(at('pairs.jsonl'), tinyPairs(6));
    await runDpo(
      {
        model: at('model'),
        data: at('pairs.jsonl'),
        output: at('run'),
        lora: { rank: 2 },
        epochs: 1,
        batchSize: 3,
        checkpointSteps: 1,
        keepCheckpoints: 9,
        samples: 0,
        threads: 1,
      },
      { folder: folder.path },
    );
    let isBroken = true;
    let answered = 0;
    server = await startJudgeServer(({ body }): Served => {
      if (body.model === 'writer') return { kind: 'answer', text: `An answer to ${body.messages.at(-1)!.content}` };
      if (isBroken && answered >= 4) return { kind: 'status', status: 401, message: 'key expired' };
      answered += 1;
      const text = body.messages.at(-1)!.content;
      const winner = text.indexOf('An answer to') < text.length / 2 ? 'first' : 'second';
      return { kind: 'answer', text: JSON.stringify({ rationale: 'it is readable', winner, confidence: 0.9 }) };
    });
    const line =
      `start=${at('model')} tuned=${at('run')} early=${at('run')}@step-1 remote=${server.url}#writer --prompts ${at('prompts.jsonl')} --max-prompts 3 --max-new-tokens 6 ` +
      `--judge-model judge --judge-url ${server.url} --concurrency 1 --threads 1 --batch-size 2 --output ${at('models')}`;
    const broken = await compare(line);
    expect(broken.code).toBe(1);
    expect(broken.err).toMatch(/answers and judgements so far are kept in .*: the same command goes on there/);
    const before = server.requests.length;
    isBroken = false;
    const done = await compare(`${line} --json`);
    expect([done.code, eventsOf(done.err).at(-1)!.event]).toEqual([0, 'done']);
    const value = JSON.parse(done.out) as { pairs: { model: string; winRate: { rate: number; count: number } }[] };
    expect(value.pairs.map(({ model }) => model)).toEqual(['tuned', 'early', 'remote']);
    // No question was asked twice: three prompts, six pairs, both orders, and the writer's three answers, less equal questions.
    const bodies = server.requests.filter(({ body }) => body.model === 'writer').map(({ text }) => text);
    expect(new Set(bodies).size).toBe(3);
    expect(bodies.length).toBe(3);
    const asked = server.requests.slice(before).length;
    expect(asked).toBeLessThanOrEqual(36 - 4);
    const again = await compare(`${line} --json`);
    expect(server.requests.slice(before).length).toBe(asked);
    expect(again.out).toBe(done.out);
    expect(readdirSync(at('models', 'answers')).toSorted()).toEqual([
      'calls.jsonl',
      'early.jsonl',
      'remote.jsonl',
      'start.jsonl',
      'tuned.jsonl',
    ]);
    // A last line that a crash cut is made again, with the same text.
    const path = at('models', 'answers', 'tuned.jsonl');
    const whole = readFileSync(path, 'utf8');
    writeFileSync(path, whole.slice(0, -9));
    expect((await compare(`${line} --json`)).out).toBe(done.out);
    expect(readFileSync(path, 'utf8')).toBe(whole);
    const other = await compare(`${line.replace('--max-new-tokens 6', '--max-new-tokens 7')}`);
    expect([other.code, other.err]).toEqual([2, expect.stringContaining('must hold answers of ') as string]);
    rmSync(at('models'), { recursive: true });
    expect(existsSync(at('models'))).toBe(false);
  });

  it('a run alone meets what it began from, and ends with a verdict', async () => {
    const line = `--prompts ${at('prompts.jsonl')} --max-prompts 3 --max-new-tokens 6 --threads 1 --batch-size 2 ${LONGER}`;
    const { code, out } = await compare(`${at('run')} ${line} --output ${at('alone')}`);
    expect(code).toBe(0);
    expect(out).toMatch(/(Cannot tell run from start|run is (better|worse) than start): it wins \d+ %/);
    const value = JSON.parse(readFileSync(at('alone', 'comparison.json'), 'utf8')) as Record<string, object[]>;
    expect(value['pairs']).toMatchObject([{ baseline: 'start', model: 'run' }]);
    // What it cost stands beside what was won: distance, behaviour, and how it was trained.
    expect(value['measured']).toMatchObject([
      { name: 'run', reference: 'start', evaluation: { kl: { method: 'exact' }, behaviour: { prompts: 3 } } },
    ]);
    expect(value['runs']).toMatchObject([{ name: 'run', verdict: { findings: [] } }]);
    expect(out.replaceAll(/\s+/g, ' ')).toMatch(
      /run beside start: - 3 prompts cannot tell much.* nats an answer away from the reference \(KL\).*Training of run: None of \d+ checks/,
    );
    expect(sectionsOf('alone')).toEqual([
      'rates',
      'judges',
      'training',
      'measured',
      'behaviour',
      'samples',
      'configuration',
      'data',
    ]);
    const one = await compare(`${at('model')} ${line} --output ${at('none')}`);
    expect([one.code, one.err]).toEqual([
      2,
      `compare: two contestants must be named at least, or a run folder, which meets what it began from, got ${at('model')}\n`,
    ]);
  });

  it(
    'texts and checkpoints are measured too, once; --measure 0 leaves the drawing out',
    { timeout: 60_000 },
    async () => {
      writeFileSync(at('text.txt'), 'It rained all day.\nThen it stopped.\n\nNobody was there to see it.\n');
      const base = `${at('run')} --prompts ${at('prompts.jsonl')} --max-prompts 3 --max-new-tokens 6 --threads 1 ${LONGER} --texts ${at('text.txt')} --json`;
      const first = await compare(`${base} --frontier --output ${at('measured')}`);
      expect([first.code, kindsOf(eventsOf(first.err)).at(-1)]).toEqual([0, 'done']);
      const [measured] = (JSON.parse(first.out) as { measured: Measured[] }).measured;
      expect(measured!.evaluation.drift!.documents).toBe(2);
      expect(measured!.frontier!.map(({ step }) => step)).toEqual([1, 2]);
      // The last checkpoint is the adapter.
      expect(measured!.frontier![1]!.kl.perAnswer.value).toBeCloseTo(measured!.evaluation.kl!.perAnswer.value, 6);
      expect(sectionsOf('measured')).toContain('frontier');
      const kept = at('measured', 'measures', 'run.json');
      const { mtimeMs } = statSync(kept);
      const again = await compare(`${base} --frontier --output ${at('measured')}`);
      expect([again.out, statSync(kept).mtimeMs]).toEqual([first.out, mtimeMs]);
      const less = await compare(`${base} --measure 0 --output ${at('measured')}`);
      const [one] = (JSON.parse(less.out) as { measured: Measured[] }).measured;
      expect(Object.keys(one!.evaluation)).toEqual(['drift']);
      const usage = await compare(`${base} --frontier --measure 0 --output ${at('measured')}`);
      expect([usage.code, usage.out + usage.err]).toEqual([
        2,
        expect.stringContaining(
          '--frontier has no effect with --measure 0, which draws nothing; leave one out',
        ) as string,
      ]);
    },
  );

  it('a model with other tokens is judged all the same, and not measured', { timeout: 60_000 }, async () => {
    const embedded = join(import.meta.dirname, '..', 'assets', 'embedded-model');
    const { code, err } = await compare(
      `${at('run')} other=${embedded} --prompts ${at('prompts.jsonl')} --max-prompts 2 --max-new-tokens 4 --threads 1 ${LONGER} --output ${at('vocabularies')}`,
    );
    expect(code).toBe(0);
    expect(err).toMatch(/other: not measured beside run: /);
    const value = JSON.parse(readFileSync(at('vocabularies', 'comparison.json'), 'utf8')) as Record<string, unknown>;
    expect(value['measured']).toBeUndefined();
    expect(value['notMeasured']).toMatchObject([{ name: 'other' }]);
  });

  it('models, adapters and files that are not there are named before anything is drawn', async () => {
    const { code, err } = await compare(
      `${at('model')} ${at('gone')} x=${at('model')}+${at('no-adapter')} y=${at('gone.jsonl')} --prompts ${at('prompts.jsonl')} ${LONGER} --output ${at('gone-out')}`,
    );
    expect([code, err.trim().split('\n')]).toEqual([
      2,
      [
        `${at('no-adapter')}: the adapter must be a folder that exists, as PEFT writes it; check the path`,
        expect.stringContaining(
          `${at('gone')}: the model must be a folder or .gguf file that exists, got no such folder here; `,
        ),
        `${at('gone.jsonl')}: y needs this file, it does not exist; check the path`,
      ],
    ]);
    expect(existsSync(at('gone-out'))).toBe(false);
  });

  it('runs and checkpoints that are not there are named', async () => {
    const { code, err } = await compare(
      `${at('run')}@step-7 ${at('model')} --prompts ${at('prompts.jsonl')} ${LONGER} --output ${at('none')}`,
    );
    expect([code, err]).toEqual([2, `${at('run')}: the run must have a checkpoint step-7, it has step-1, step-2\n`]);
  });
});

/** Ids of the sections of a comparison's page, in order. */
function sectionsOf(name: string): string[] {
  return [...readFileSync(at(name, 'report.html'), 'utf8').matchAll(/<section id="([\w-]+)"/g)].map(([, id]) => id!);
}

const sameAnswers: Answers = (prompt, sample) => ({ prompt, sample, text: 'x' });

function standings(verdicts: readonly ContestantMatch['verdict'][]) {
  return standingsOf(
    verdicts.map((verdict, i): ContestantMatch => ({ prompt: `${i}`, sample: 0, a: 'A', b: 'B', verdict, votes: {} })),
    {
      names: ['A', 'B'],
      answers: new Map([
        ['A', sameAnswers],
        ['B', sameAnswers],
      ]),
      seed: 1,
    },
  );
}

function times(verdict: ContestantMatch['verdict'], count: number) {
  return Array.from({ length: count }, () => verdict);
}

describe('what is said', () => {
  it('worse, better, and cannot tell', () => {
    const worse = standings([...times('a', 40), ...times('b', 10)]);
    expect([outcomeOf(worse.pairs[0]!), headlineOf(worse).tone]).toEqual(['worse', 'bad']);
    expect(headlineOf(worse).text).toMatch(
      /^B is worse than A: it wins 20 % \(95 % 11 to 34\) of 50 comparisons on 50 prompts\.$/,
    );
    const even = standings([...times('a', 24), ...times('b', 26)]);
    expect(headlineOf(even)).toMatchObject({
      tone: 'neutral',
      text: expect.stringMatching(/^Cannot tell B from A: it wins 52 %/) as string,
    });
    expect(headlineOf(even).detail).toMatch(
      /These 50 prompts show a difference of 19 % from one half or more, 8 times of 10\. To be sure of a win rate of 52 %, about 5,0\d\d prompts are needed\./,
    );
  });

  it('without a verdict nothing is said of either', () => {
    const none = standings(times(null, 3));
    expect(verdictOfPair(none.pairs[0]!, none.level)).toEqual({
      tone: 'neutral',
      text: 'Cannot tell B from A: no comparison has a verdict.',
      detail: '3 comparisons have no verdict.',
    });
  });
});
