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

/** Of two choices. */
export function addedUsage(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    ...b,
    prompt_tokens: a.prompt_tokens + b.prompt_tokens,
    completion_tokens: a.completion_tokens + b.completion_tokens,
    total_tokens: a.total_tokens + b.total_tokens,
  };
}

/** The prompt is read once for the choices that share it. */
export function sharedPrompt(
  usage: TokenUsage,
  { choicesPerUsage }: { readonly choicesPerUsage: number | undefined },
): TokenUsage {
  if (choicesPerUsage === undefined || choicesPerUsage === 1) return usage;
  const prompt = Math.round(usage.prompt_tokens / choicesPerUsage);
  return { ...usage, prompt_tokens: prompt, total_tokens: prompt + usage.completion_tokens };
}
