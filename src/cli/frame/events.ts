import type { CliEvent } from './event-schema.ts';

type WithoutTime<Event> = Event extends unknown ? Omit<Event, 'time'> : never;

/** An event before it has its time. */
export type UntimedEvent = WithoutTime<CliEvent>;

/** An event as a line, without its end. */
export function eventLine({ event, ...rest }: UntimedEvent, now: Date): string {
  return JSON.stringify({ event, time: now.toISOString(), ...rest });
}
