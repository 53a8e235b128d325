import { wallClockOf } from '../core/index.ts';
import { strftime } from '../jinja/index.ts';
import type { TemplateClock } from './tokenizer.ts';

const COMMENT = /\{#[^]*?#\}/g;
/** Where the function is used; whether it exists is asked without using it. */
const USE = /\bstrftime_now\b(?!\s+is\b)/g;
const CALL = /\bstrftime_now\s*\(\s*(?:format\s*=\s*)?(?:'([^'\\]*)'|"([^"\\]*)")\s*\)/g;

/**
 * What a template asks of the time, read from its sources; undefined where it asks nothing. Transformers offers strftime_now alone: what comes as a
 * variable (date_string) is the caller's. Whether a conversation gets to the place of the call is not looked at.
 */
export function clockOf(sources: readonly (string | undefined)[], time: string): TemplateClock | undefined {
  const code = sources.map((source) => source?.replaceAll(COMMENT, '') ?? '').join('\n');
  const uses = [...code.matchAll(USE)].length;
  if (uses === 0) return undefined;
  const formats = [...code.matchAll(CALL)].map(([, single, double]) => single ?? double!);
  return {
    time,
    printed(at = time) {
      // A format that is computed could print any part of the time.
      if (formats.length < uses || wallClockOf(at) === undefined) return at;
      try {
        return [...new Set(formats)].map((format) => strftime(at, format)).join(', ');
      } catch {
        // A code that is refused when it is rendered.
        return at;
      }
    },
  };
}
