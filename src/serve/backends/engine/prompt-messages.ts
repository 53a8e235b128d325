import type { Message } from '../../../tokenizer/index.ts';

/** What the thread of templates is asked. */
export interface PromptRequest {
  readonly id: number;
  readonly work:
    | {
        readonly type: 'chat';
        readonly messages: readonly Message[];
        readonly tools?: readonly unknown[] | undefined;
        readonly variables?: Readonly<Record<string, unknown>> | undefined;
        readonly addGenerationPrompt: boolean;
      }
    | { readonly type: 'text'; readonly text: string; readonly addSpecialTokens: boolean }
    | { readonly type: 'decode'; readonly ids: readonly number[] };
}

export interface PromptResult {
  /** Token ids; empty for `decode`. */
  readonly ids: readonly number[];
  /** What was rendered, or decoded. */
  readonly text: string;
}

export type PromptReply =
  /** The model's files are read: from now on it answers. */
  | { readonly isOpen: true }
  | { readonly id: number; readonly result: PromptResult }
  /** What is wrong with the conversation, or a fault of ours. */
  | { readonly id: number; readonly error: { readonly message: string; readonly isBadInput: boolean } };

/** What a thread of templates is started with. */
export interface PromptWorkerData {
  /** A model's folder or file on this machine. */
  readonly location: string;
  /** What templates are told, a local time in ISO 8601. */
  readonly templateTime: string;
}
