import type {
  ChatPiece,
  ContentLogprob,
  FinishReason,
  TextLogprobs,
  TextPiece,
  TokenUsage,
  ToolCallDelta,
} from '../backends/backend.ts';
import type { JsonObject, JsonValue } from '../../core/index.ts';

interface WholeCall {
  id: string;
  name: string;
  arguments: string;
}

interface WholeChoice {
  content: string | null;
  refusal: string | null;
  reasoning: string | null;
  readonly calls: WholeCall[];
  logprobs: ContentLogprob[] | undefined;
  finishReason: FinishReason | null;
  /** Fields of an upstream that have no meaning here: of the message, and of the choice. */
  more: JsonObject;
  moreOfChoice: JsonObject;
}

const KNOWN = new Set(['role', 'content', 'refusal', 'reasoning_content', 'tool_calls']);
const KNOWN_OF_CHOICE = new Set(['index', 'delta', 'text', 'logprobs', 'finish_reason']);
const KNOWN_OF_PIECE = new Set(['choices', 'usage', 'system_fingerprint']);

/** Fields without a name among `known`, beside those that are there; most pieces have none. */
function gathered(before: JsonObject, piece: object, known: ReadonlySet<string>): JsonObject {
  let all = before;
  for (const [name, value] of Object.entries(piece)) if (!known.has(name)) all = { ...all, [name]: value as JsonValue };
  return all;
}

/** Puts pieces together: what a client that does not stream gets, and what the ledger keeps of one that does. */
export class ChatAccumulator {
  private readonly choices = new Map<number, WholeChoice>();
  private more: JsonObject = {};
  usage: TokenUsage | undefined;
  fingerprint: string | undefined;

  add(piece: ChatPiece): void {
    this.usage = piece.usage ?? this.usage;
    this.fingerprint = piece.system_fingerprint ?? this.fingerprint;
    this.more = gathered(this.more, piece, KNOWN_OF_PIECE);
    for (const one of piece.choices) {
      const { index, delta, logprobs, finish_reason } = one;
      const choice = this.choiceAt(index);
      choice.moreOfChoice = gathered(choice.moreOfChoice, one, KNOWN_OF_CHOICE);
      if (typeof delta.content === 'string') choice.content = (choice.content ?? '') + delta.content;
      if (typeof delta.refusal === 'string') choice.refusal = (choice.refusal ?? '') + delta.refusal;
      if (typeof delta.reasoning_content === 'string')
        choice.reasoning = (choice.reasoning ?? '') + delta.reasoning_content;
      for (const call of delta.tool_calls ?? []) addCall(choice.calls, call);
      choice.more = gathered(choice.more, delta, KNOWN);
      const tokens = logprobs?.content ?? undefined;
      if (tokens !== undefined) (choice.logprobs ??= []).push(...tokens);
      if (finish_reason !== null) choice.finishReason = finish_reason;
    }
  }

  get finishReasons(): string[] {
    return this.inOrder().map(([, { finishReason }]) => finishReason ?? 'none');
  }

  /** OpenAI's object. */
  whole({ id, created, model }: { readonly id: string; readonly created: number; readonly model: string }): JsonObject {
    return {
      ...this.more,
      id,
      object: 'chat.completion',
      created,
      model,
      choices: this.inOrder().map(([index, choice]) => ({
        ...choice.moreOfChoice,
        index,
        message: {
          role: 'assistant',
          content: choice.content ?? (choice.calls.length > 0 ? null : ''),
          refusal: choice.refusal,
          ...(choice.reasoning !== null && { reasoning_content: choice.reasoning }),
          ...choice.more,
          ...(choice.calls.length > 0 && {
            tool_calls: choice.calls.map(({ id: callId, name, arguments: text }) => ({
              id: callId,
              type: 'function',
              function: { name, arguments: text },
            })),
          }),
        },
        logprobs:
          choice.logprobs === undefined ? null : { content: choice.logprobs as unknown as JsonValue, refusal: null },
        finish_reason: choice.finishReason ?? 'stop',
      })),
      ...(this.usage !== undefined && { usage: this.usage as unknown as JsonObject }),
      ...(this.fingerprint !== undefined && { system_fingerprint: this.fingerprint }),
    };
  }

  private inOrder(): [number, WholeChoice][] {
    return [...this.choices].toSorted(([a], [b]) => a - b);
  }

  private choiceAt(index: number): WholeChoice {
    const known = this.choices.get(index);
    if (known !== undefined) return known;
    const choice: WholeChoice = {
      content: null,
      refusal: null,
      reasoning: null,
      calls: [],
      logprobs: undefined,
      finishReason: null,
      more: {},
      moreOfChoice: {},
    };
    this.choices.set(index, choice);
    return choice;
  }
}

function addCall(calls: WholeCall[], { index, id, function: { name, arguments: text } }: ToolCallDelta): void {
  const call = (calls[index] ??= { id: '', name: '', arguments: '' });
  call.id ||= id ?? '';
  call.name += name ?? '';
  call.arguments += text ?? '';
}

interface WholeText {
  text: string;
  logprobs: TextLogprobs | null;
  finishReason: string;
  more: JsonObject;
}

/** The same for /v1/completions. */
export class TextAccumulator {
  private readonly choices = new Map<number, WholeText>();
  private more: JsonObject = {};
  usage: TokenUsage | undefined;
  fingerprint: string | undefined;

  add(piece: TextPiece): void {
    this.usage = piece.usage ?? this.usage;
    this.fingerprint = piece.system_fingerprint ?? this.fingerprint;
    this.more = gathered(this.more, piece, KNOWN_OF_PIECE);
    for (const one of piece.choices) {
      const { index, text, logprobs, finish_reason } = one;
      const choice = this.choices.get(index) ?? { text: '', logprobs: null, finishReason: 'stop', more: {} };
      this.choices.set(index, choice);
      choice.more = gathered(choice.more, one, KNOWN_OF_CHOICE);
      choice.text += text;
      if (logprobs !== null) choice.logprobs = choice.logprobs === null ? logprobs : joined(choice.logprobs, logprobs);
      if (finish_reason !== null) choice.finishReason = finish_reason;
    }
  }

  get finishReasons(): string[] {
    return this.inOrder().map(([, { finishReason }]) => finishReason);
  }

  whole({ id, created, model }: { readonly id: string; readonly created: number; readonly model: string }): JsonObject {
    return {
      ...this.more,
      id,
      object: 'text_completion',
      created,
      model,
      choices: this.inOrder().map(([index, { text, logprobs, finishReason, more }]) => ({
        ...more,
        index,
        text,
        logprobs: logprobs as unknown as JsonValue,
        finish_reason: finishReason,
      })),
      ...(this.usage !== undefined && { usage: this.usage as unknown as JsonObject }),
      ...(this.fingerprint !== undefined && { system_fingerprint: this.fingerprint }),
    };
  }

  private inOrder(): [number, WholeText][] {
    return [...this.choices].toSorted(([a], [b]) => a - b);
  }
}

function joined(a: TextLogprobs, b: TextLogprobs): TextLogprobs {
  return {
    tokens: [...a.tokens, ...b.tokens],
    token_logprobs: [...a.token_logprobs, ...b.token_logprobs],
    top_logprobs:
      a.top_logprobs === null && b.top_logprobs === null
        ? null
        : [...(a.top_logprobs ?? []), ...(b.top_logprobs ?? [])],
    text_offset: [...a.text_offset, ...b.text_offset],
  };
}
