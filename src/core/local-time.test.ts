import { afterEach, expect, it, vi } from 'vitest';
import { localTimeOf, wallClockOf } from './local-time.ts';

afterEach(() => vi.unstubAllEnvs());

// 2026-03-29 00:30 UTC; that night Berlin goes from +01:00 to +02:00 at 01:00 UTC.
const NIGHT = Date.UTC(2026, 2, 29, 0, 30);

it.each([
  ['UTC', NIGHT, '2026-03-29T00:30:00.000+00:00'],
  ['Europe/Berlin', NIGHT, '2026-03-29T01:30:00.000+01:00'],
  ['Europe/Berlin', NIGHT + 3_600_000, '2026-03-29T03:30:00.000+02:00'],
  ['America/St_Johns', NIGHT, '2026-03-28T22:00:00.000-02:30'],
  ['Pacific/Kiritimati', NIGHT, '2026-03-29T14:30:00.000+14:00'],
])('clocks in %s at %i show %s', (zone, moment, text) => {
  vi.stubEnv('TZ', zone);
  expect(localTimeOf(new Date(moment))).toBe(text);
  // Read anywhere else it shows the same.
  vi.stubEnv('TZ', 'Asia/Tokyo');
  expect(`${wallClockOf(text)!.toISOString().slice(0, -1)}`).toBe(text.slice(0, 23));
});

it.each([
  ['2026-11-30', '2026-11-30T00:00:00.000Z'],
  ['2026-11-30T09:30', '2026-11-30T09:30:00.000Z'],
  ['2026-11-30 09:30:15', '2026-11-30T09:30:15.000Z'],
  ['2026-11-30T09:30:15.123456-0530', '2026-11-30T09:30:15.123Z'],
  ['0001-01-01', '0001-01-01T00:00:00.000Z'],
])('%s is read as written', (text, iso) => expect(wallClockOf(text)?.toISOString()).toBe(iso));

it.each([
  '',
  'today',
  '30.11.2026',
  '2026-2-3',
  '2026-02-30',
  '2026-13-01',
  '0000-01-01',
  '2026-11-30T24:00',
  '2026-11-30T09:60',
  '2026-11-30T09',
  '2026-11-30Z',
])('%j is no time', (text) => expect(wallClockOf(text)).toBe(undefined));
