import { optionsOf } from '../../options/index.ts';
import { SCHEMAS } from '../../specification/index.ts';

/** Commands that a message tells to run, whose flags are meant as such. */
const COMMAND = /preftune (?:[a-z]+ )+[^;,()]*/g;
const FLAG = /--(no-)?([a-z][a-z.-]*[a-z])/g;

/** The options of trainings by what a command line calls them. */
const paths = new Map(
  [SCHEMAS.dpo, SCHEMAS.sft]
    .flatMap((schema) => optionsOf(schema))
    .flatMap(({ path, flag, meta: { alias } }) => [[flag, path] as const, ...(alias ? [[alias, path] as const] : [])]),
);

/** A message of a command as one who writes requests reads it: `--lora.rank 8` becomes `lora.rank 8`, an option of `method.preftune`. */
export function inRequestWords(message: string): string {
  const commands = message.match(COMMAND) ?? [];
  return message
    .split(COMMAND)
    .map((text, place) => `${text.replaceAll(FLAG, inWords)}${commands[place] ?? ''}`)
    .join('');
}

function inWords(whole: string, no: string | undefined, flag: string): string {
  if (flag === 'auto') return 'auto';
  const path = paths.get(`--${flag}`);
  if (path === undefined) return whole;
  return no === undefined ? path : `${path} false`;
}
