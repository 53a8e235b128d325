import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTokenizer, type Tokenizer } from '../../src/tokenizer/index.ts';
import { readTemplate } from '../fixtures/tokenizer/recorded.ts';

/** The rows, tokenizers and recordings of fixtures/trl-tokens. */
export const TRL_FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'trl-tokens');

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(join(TRL_FIXTURES, name), 'utf8')) as T;
}

interface Family {
  readonly bos: string | null;
  readonly eos: string;
  /** Whether a text gets BOS in front. */
  readonly adds_bos: boolean;
  /** The template, or @ and the name of a file in fixtures/tokenizer/templates. */
  readonly template: string;
}

export const FAMILIES = readFixture<Readonly<Record<string, Family>>>('families.json');
export const ROWS = readFixture<Readonly<Record<string, { readonly rows: readonly object[] }>>>('rows.json');

/** tokenizer.json and tokenizer_config.json of a family. */
export function tokenizerFilesOf(family: string): { readonly json: unknown; readonly config: Record<string, unknown> } {
  const { bos, eos, adds_bos: addsBos, template } = FAMILIES[family]!;
  const json = readFixture<{ added_tokens: readonly { id: number; content: string }[] }>('tokenizer.json');
  const id = json.added_tokens.find(({ content }) => content === bos)?.id;
  const processor = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: bos, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [String(bos)]: { id: bos, ids: [id], tokens: [bos] } },
  };
  return {
    json: addsBos ? { ...json, post_processor: processor } : json,
    config: {
      ...(bos !== null && { bos_token: bos }),
      eos_token: eos,
      pad_token: '<|endoftext|>',
      chat_template: template.startsWith('@') ? readTemplate(template.slice(1, -'.jinja'.length)) : template,
    },
  };
}

/** A tokenizer whose templates see this day, `2026-11-30`. */
export function tokenizerOf(family: string, templateTime: string): Tokenizer {
  const { json, config } = tokenizerFilesOf(family);
  return createTokenizer(
    {
      kind: 'huggingface',
      tokenizerJson: json,
      tokenizerConfig: config,
      chatTemplate: undefined,
      specialTokensMap: undefined,
    },
    { templateTime },
  );
}
