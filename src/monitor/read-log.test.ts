import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PreftuneError } from '../core/index.ts';
import { diagnose } from './monitor.ts';
import { readRunLog } from './read-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'preftune-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function messageOf(path: string): string {
  try {
    readRunLog(path);
  } catch (thrown) {
    if (thrown instanceof PreftuneError) return `${thrown.code}: ${thrown.problems[0]!.message}`;
  }
  return 'read';
}

describe('readRunLog', () => {
  it('reads what Python writes: NaN, numbers as text, a summary at the end', () => {
    const path = written(
      'state.json',
      `{"best_metric": NaN, "max_steps": 3, "log_history": [
        {"step": 1, "loss": 0.69, "grad_norm": "2.5", "note": "a NaN \\" here"},
        {"step": 2, "loss": NaN, "grad_norm": "inf", "learning_rate": 1e-5},
        {"step": 3, "eval_loss": -Infinity},
        {"step": 3, "train_runtime": 1.5, "train_loss": 0.5}]}`,
    );
    const log = readRunLog(path);
    expect(log).toEqual({
      file: path,
      facts: { totalSteps: 3 },
      records: [
        { step: 1, loss: 0.69, grad_norm: 2.5 },
        { step: 2, loss: null, grad_norm: null, learning_rate: 1e-5 },
        { step: 3, eval_loss: null },
      ],
    });
    const [finding] = diagnose(log.records, log.facts).findings;
    expect([finding!.name, finding!.step, finding!.evidence]).toEqual([
      'learning-rate-too-high',
      2,
      'loss or gradient was not finite at step 2',
    ]);
  });

  it('takes the last checkpoint of a folder', () => {
    for (const step of [500, 1000])
      written(`out/checkpoint-${step}/trainer_state.json`, `{"log_history": [{"step": ${step}, "loss": 1}]}`);
    const { file, records } = readRunLog(join(folder, 'out'));
    expect(file).toBe(join(folder, 'out', 'checkpoint-1000', 'trainer_state.json'));
    expect(records).toEqual([{ step: 1000, loss: 1 }]);
  });

  it('knows the loss, beta and steps of a run of ours', () => {
    const specification = { recipe: 'dpo', epochs: 2, objective: { name: 'sigmoid', options: { beta: 0.3 } } };
    written(
      'run/run.json',
      JSON.stringify({ formatVersion: 1, specification, versions: {}, model: {}, reference: null, data: {} }),
    );
    written('run/metrics.jsonl', '{"step":1,"epoch":0.1,"loss":0.69}\n{"step":5,"epoch":0.5,"loss":0.6}\n');
    expect(readRunLog(join(folder, 'run')).facts).toMatchObject({
      recipe: 'dpo',
      beta: 0.3,
      firstLoss: Math.LN2,
      totalSteps: 20,
      objective: { losses: ['sigmoid'], needsReference: true },
      settings: { epochs: 2, method: undefined },
    });
  });

  it('says what is wrong with a file that is no log', () => {
    expect(messageOf(written('a.json', '{"log_history": 3}'))).toBe(
      'bad-input: must hold log_history, a list of logged steps; name a trainer_state.json or a metrics.jsonl',
    );
    expect(messageOf(written('b.json', 'null'))).toBe(
      'bad-input: must hold log_history, a list of logged steps; name a trainer_state.json or a metrics.jsonl',
    );
    expect(messageOf(written('c.json', '{'))).toMatch(
      /^bad-input: must be JSON, got .*; name a trainer_state\.json or a metrics\.jsonl$/,
    );
    expect(messageOf(written('d.json', '{"log_history": [{"loss": 1}]}'))).toBe(
      'bad-input: log_history[0] must have a step, got {"loss":1}; restore the file',
    );
    expect(messageOf(written('e.json', '{"log_history": []}'))).toBe(
      'bad-input: must hold logged steps, it holds none; log at least some steps (--log-steps, logging_steps)',
    );
  });
});
