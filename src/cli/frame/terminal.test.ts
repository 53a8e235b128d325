import { expect, test, vi } from 'vitest';
import { CLI_EVENT } from './event-schema.ts';
import { createTerminal } from './terminal.ts';

const NOW = new Date('2026-11-30T09:30:00Z');

function collected(options: { isJson?: boolean; isTTY?: boolean } = {}) {
  let [out, err] = ['', ''];
  const terminal = createTerminal({
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text), isTTY: options.isTTY === true, columns: 40 },
    isJson: options.isJson ?? false,
    environment: {},
    now: () => NOW,
    nowMs: () => Date.now(),
  });
  return { terminal, out: () => out, err: () => err };
}

test('with --json everything on stderr is an event of the schema, and stdout has the result alone', () => {
  vi.useFakeTimers();
  try {
    const { terminal, out, err } = collected({ isJson: true });
    terminal.note('for people');
    terminal.warn('odd');
    const loading = terminal.activity('opening model');
    vi.advanceTimersByTime(60_000);
    loading.finish();
    const bar = terminal.progress('read');
    for (let done = 1; done <= 5; done++) {
      bar.update({ done, total: undefined, unit: 'rows' });
      vi.advanceTimersByTime(400);
    }
    // Work with events of its own, such as steps, is not told twice.
    terminal.progress('train', { hasOwnEvents: true }).update({ done: 1, total: 2 });
    terminal.event({ event: 'step', step: 1, totalSteps: 2, epoch: 0.5, metrics: { loss: null } });
    terminal.result({ ok: true }, 'ok');
    terminal.close();
    const events = err()
      .trim()
      .split('\n')
      .map((line) => CLI_EVENT.parse(JSON.parse(line)));
    const time = '2026-11-30T09:30:00.000Z';
    const read = { event: 'progress', time, what: 'read', total: null, unit: 'rows' };
    expect(events).toEqual([
      { event: 'warning', time, message: 'odd' },
      { event: 'load', time, what: 'opening model' },
      { ...read, done: 1 },
      { ...read, done: 4 },
      { ...read, done: 5 },
      { event: 'step', time, step: 1, totalSteps: 2, epoch: 0.5, metrics: { loss: null } },
    ]);
    expect(out()).toBe('{"ok":true}\n');
  } finally {
    vi.useRealTimers();
  }
});

test('what is under way shows within a second and goes away; without a terminal a line now and then', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  try {
    const live = collected({ isTTY: true });
    live.terminal.activity('loading a model whose name is longer than the line');
    vi.advanceTimersByTime(700);
    expect(live.err()).toBe('\rloading a model whose name is longe ...\u001b[K');
    vi.advanceTimersByTime(2000);
    expect(live.err().endsWith('\rloading a model whose name is lo ... 2s\u001b[K')).toBe(true);
    live.terminal.note('by the way');
    expect(live.err()).toContain('\r\u001b[Kby the way\n\rloading');
    live.terminal.progress('train').update({ done: 1, total: 2 });
    const shown = live.err();
    vi.advanceTimersByTime(5000);
    expect(live.err()).toBe(shown);

    const plain = collected();
    const activity = plain.terminal.activity('loading model');
    vi.advanceTimersByTime(34_000);
    activity.finish();
    vi.advanceTimersByTime(100_000);
    expect(plain.err()).toBe('loading model ... 3s\nloading model ... 13s\nloading model ... 33s\n');

    const told = collected();
    told.terminal.activity('hf F32: verify', { isTold: true });
    vi.advanceTimersByTime(9_000);
    expect(told.err()).toBe('');
    const quick = collected();
    quick.terminal.activity('opening model').finish();
    vi.advanceTimersByTime(5_000);
    expect(quick.err()).toBe('');
    told.terminal.close();
  } finally {
    vi.useRealTimers();
  }
});
