import { CLI_EVENT, type CliEvent } from '../../src/cli/index.ts';

/** The events of a command under --json. Throws for a line that is none. */
export function eventsOf(stderr: string): CliEvent[] {
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => CLI_EVENT.parse(JSON.parse(line)));
}

/** The kinds of the events, each run of equal ones once. */
export function kindsOf(events: readonly CliEvent[]): string[] {
  return events.map(({ event }) => event).filter((kind, at, all) => kind !== all[at - 1]);
}
