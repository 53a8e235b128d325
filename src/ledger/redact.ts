import {
  badInput,
  isCardNumber,
  isObject,
  PERSONAL_PATTERNS,
  personalMatches,
  type JsonValue,
  type PersonalPattern,
} from '../core/index.ts';

/** The text with `[email]`, `[card]`, ... in place of what was found. */
export function redactText(text: string): string {
  let redacted = text;
  for (const pattern of PERSONAL_PATTERNS) if (pattern.mask !== undefined) redacted = applied(redacted, pattern);
  return redacted === text ? text : stillJson(text, redacted);
}

function applied(text: string, pattern: PersonalPattern): string {
  let result = '';
  let at = 0;
  for (const { start, end, match } of personalMatches(text, pattern)) {
    // An address keeps the sign between whom it was and where.
    const behind = match.endsWith('@') ? '@' : '';
    result += `${text.slice(at, start)}${pattern.keeps?.(match) ?? ''}[${pattern.mask}]${behind}`;
    at = end;
  }
  return result + text.slice(at);
}

/** Arguments of tool calls are JSON within a text: where a mask broke it, its values are masked one by one instead. */
function stillJson(text: string, redacted: string): string {
  if (!/^\s*[[{]/.test(text)) return redacted;
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return redacted;
  }
  try {
    JSON.parse(redacted);
    return redacted;
  } catch {
    return JSON.stringify(redactJson(value));
  }
}

const MOST_DEPTH = 500;

/**
 * The same for every text in a JSON value, names of fields and card numbers that are numbers among them. Log-probabilities hold a text piece by piece: where the
 * pieces together hold something, they go. Throws bad-input below 500 levels.
 */
export function redactJson<T extends JsonValue>(value: T, depth?: number): T;
export function redactJson(value: JsonValue, depth = 0): JsonValue {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) && isCardNumber(String(value)) ? '[card]' : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MOST_DEPTH) throw badInput(`a text that is kept must have at most ${MOST_DEPTH} levels; make it flatter`);
  if (Array.isArray(value)) return value.map((item) => redactJson(item as JsonValue, depth + 1));
  const entries = Object.entries(value).map(([name, inner]): [string, JsonValue] => {
    if (name === 'logprobs' && tellsTokens(inner)) return [name, null];
    return [redactText(name), redactJson(inner, depth + 1)];
  });
  return Object.fromEntries(entries);
}

/** Whether the tokens of log-probabilities, joined, hold what is masked: OpenAI's two shapes (`content[].token`, `tokens[]`). */
function tellsTokens(logprobs: JsonValue): boolean {
  if (!isObject(logprobs)) return false;
  const { content, refusal, tokens } = logprobs as Record<string, JsonValue>;
  const lists = [content, refusal].map((list) =>
    Array.isArray(list) ? list.map((item) => (isObject(item) ? String(item.token) : '')) : [],
  );
  if (Array.isArray(tokens)) lists.push(tokens.map(String));
  return lists.some((list) => {
    const text = list.join('');
    return redactText(text) !== text;
  });
}
