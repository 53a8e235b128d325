import { isObject } from '../../../core/index.ts';
import type { TokenUsage } from '../backend.ts';

/** Usage as servers write it: fields may be missing or null. Undefined where nothing was counted. */
export function readUsage(value: unknown, onMend: (what: string) => void): TokenUsage | undefined {
  if (!isObject(value)) return undefined;
  const count = (name: string): number | undefined => {
    const found = value[name];
    return typeof found === 'number' && Number.isInteger(found) && found >= 0 ? found : undefined;
  };
  const [read, written, total] = [count('prompt_tokens'), count('completion_tokens'), count('total_tokens')];
  if (read === undefined && written === undefined) return undefined;
  if (read === undefined || written === undefined || total === undefined) onMend('usage with missing counts');
  const prompt = read ?? Math.max(0, (total ?? 0) - (written ?? 0));
  const completion = written ?? Math.max(0, (total ?? prompt) - prompt);
  const more = Object.entries(value).filter(([, one]) => one !== null);
  return {
    ...Object.fromEntries(more),
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: total ?? prompt + completion,
  };
}
