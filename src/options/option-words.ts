import type { JsonValue } from '../core/index.ts';
import { typedText } from './option-help.ts';
import { optionsOf, valueAt, type Option } from './option-list.ts';
import type { OptionSchema } from './option.ts';
import type { GivenOptions } from './parse-options.ts';

/** The words of a command line that give these options: `--lora.rank 8`, `--no-tensorboard`; one for each value of an option that is repeated. */
export function optionWords(schema: OptionSchema, given: GivenOptions): string[] {
  return optionsOf(schema).flatMap((option) => {
    const value = valueAt(given, option.path) as JsonValue | undefined;
    return value === undefined ? [] : wordsOf(option, value);
  });
}

function wordsOf({ flag, kind, default: usual }: Option, value: JsonValue): string[] {
  if (kind.type === 'boolean') {
    if (value === true) return [flag];
    // What is off by default has no flag that says so.
    return usual === true ? [`--no-${flag.slice(2)}`] : [];
  }
  if (kind.type === 'texts') return [value].flat().flatMap((text) => [flag, String(text)]);
  return [flag, kind.type === 'json' ? JSON.stringify(value) : typedText(value)];
}
