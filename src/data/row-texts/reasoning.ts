import type { Message } from '../../tokenizer/index.ts';

/** The fields in which a turn may carry its reasoning, as chat templates are given them. */
const REASONING = ['reasoning_content', 'thinking', 'reasoning'] as const;

/** The reasoning of a turn, where it stands in a field of its own. */
export function reasoningOf(turn: Message): string | undefined {
  const fields = turn as unknown as Readonly<Record<string, unknown>>;
  const value = REASONING.map((name) => fields[name]).find((each) => each !== undefined && each !== null);
  return typeof value === 'string' ? value : undefined;
}
