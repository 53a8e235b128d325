import { createToolParser, type AnswerDelta, type ToolParserOptions } from '../parser.ts';

/** An answer put together from its deltas, as clients do it. */
export interface CollectedAnswer {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
  readonly finishReason: string;
}

/** Reads an answer in pieces. Ids are `call_0`, `call_1` and so on. */
export function collectAnswer(pieces: readonly string[], options: ToolParserOptions, reason = 'stop'): CollectedAnswer {
  let made = 0;
  const parser = createToolParser({ newCallId: () => `call_${made++}`, ...options });
  const deltas = pieces.flatMap((piece) => parser.push(piece));
  const last = parser.end(reason);
  return { ...collectDeltas([...deltas, ...last.deltas]), finishReason: last.finishReason };
}

/** Puts deltas together. Throws where they break OpenAI's order: index, id, type and name once, then arguments. */
export function collectDeltas(deltas: readonly AnswerDelta[]): Omit<CollectedAnswer, 'finishReason'> {
  let [content, reasoning] = ['', ''];
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const delta of deltas) {
    content += delta.content ?? '';
    reasoning += delta.reasoning_content ?? '';
    for (const call of delta.tool_calls ?? []) {
      const known = calls[call.index];
      if (known === undefined) {
        if (call.index !== calls.length || call.id === undefined || call.type !== 'function')
          throw new Error(`the first piece of a call must bring its index and id, got ${JSON.stringify(call)}`);
        calls.push({ id: call.id, name: call.function.name ?? '', arguments: call.function.arguments });
      } else {
        if (call.id !== undefined || call.function.name !== undefined)
          throw new Error(`further pieces of a call must not bring its id again, got ${JSON.stringify(call)}`);
        known.arguments += call.function.arguments;
      }
    }
  }
  return { content, reasoning, calls };
}

/** A text in pieces of so many UTF-16 units. */
export function inPieces(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}
