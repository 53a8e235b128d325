import { badInput } from '../core/index.ts';
import { asArray, asObject, asString } from './json.ts';
import { createChatTemplate } from './template.ts';
import type { ChatTemplate } from './tokenizer.ts';

/**
 * The chat template among the three places where models keep one. `file` is that of chat_template.jinja or
 * chat_template.json, which win; `inConfig` is tokenizer_config.json's chat_template: a string, or a list of {name,
 * template}, of which `default` is used, and `tool_use` for conversations with tools. undefined when there is none. Throws
 * bad-input for a list without `default` or of another form.
 *
 * Source: Transformers, `PreTrainedTokenizerBase.from_pretrained` and `get_chat_template`.
 */
export function findTemplate(
  file: string | undefined,
  inConfig: unknown,
  specialTokens: Readonly<Record<string, string>>,
  templateTime: string,
): ChatTemplate | undefined {
  if (file !== undefined)
    return createChatTemplate({ source: file, origin: 'chat_template', specialTokens, templateTime });
  if (inConfig === undefined || inConfig === null) return undefined;
  const origin = 'tokenizer_config.json';
  const source = asString(inConfig);
  if (source !== undefined) return createChatTemplate({ source, origin, specialTokens, templateTime });
  const named = new Map<string, string>();
  for (const entry of asArray(inConfig) ?? []) {
    const name = asString(asObject(entry)?.name);
    const template = asString(asObject(entry)?.template);
    if (name !== undefined && template !== undefined) named.set(name, template);
  }
  const chosen = named.get('default');
  if (chosen === undefined) {
    throw badInput({
      file: origin,
      path: 'chat_template',
      message: `tokenizer: chat_template must be a string or a list of {name, template} with the name "default", got ${
        named.size === 0 ? JSON.stringify(inConfig).slice(0, 60) : `the names ${Array.from(named.keys()).join(', ')}`
      }; name one of them "default"`,
    });
  }
  return createChatTemplate({ source: chosen, toolSource: named.get('tool_use'), origin, specialTokens, templateTime });
}
