import type { Backend } from '../backend.ts';
import { conversationOf } from './conversation.ts';
import { engineChat } from './engine-chat.ts';
import { engineText } from './engine-text.ts';
import type { OwnEngine, Responder } from './own-engine.ts';

/** The own engine as a backend: a model, or an adapter on it. */
export function createEngineBackend(
  own: OwnEngine,
  { responder, tokenLimit }: { readonly responder: Responder; readonly tokenLimit: number | undefined },
): Backend {
  const { prompts, tokenizer } = own;
  return {
    kind: 'engine',
    chat: (body, call) => engineChat(own, responder, { body, call, tokenLimit }),
    complete: (body, call) => engineText(own, responder, { body, call, tokenLimit }),
    tokenize: async (body) => {
      const { ids } = await prompts.read(
        body['messages'] === undefined
          ? { type: 'text', text: body['prompt'] as string, addSpecialTokens: body['add_special_tokens'] !== false }
          : {
              type: 'chat',
              ...conversationOf(body, { tokenizer, traits: own.traits, tools: undefined }),
              addGenerationPrompt: body['add_generation_prompt'] !== false,
            },
      );
      return { ids, tokens: ids.map((id) => tokenizer.tokenText(id)) };
    },
    detokenize: async (ids) => (await prompts.read({ type: 'decode', ids })).text,
  };
}
