import { expect, test } from 'vitest';
import { createBars } from './bars.ts';
import { createTerminal } from './terminal.ts';

test('a part keeps its bar, and another part begins a new one below it', () => {
  let text = '';
  const stream = { write: (part: string) => ((text += part), true), isTTY: false };
  const terminal = createTerminal({ stdout: stream, stderr: stream, isJson: false, environment: {} });
  const bars = createBars(terminal);
  expect(bars.of('train')).toBe(bars.of('train'));
  bars.of('train').update({ done: 1, total: 2 });
  const before = bars.of('train');
  bars.of('score').update({ done: 1, total: 4, unit: 'rows' });
  expect(bars.of('train')).not.toBe(before);
  terminal.close();
  expect(text.split('\n').map((line) => line.split(':')[0])).toEqual(['train', 'score', '']);
});
