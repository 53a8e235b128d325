import type { ModelFamily } from '../model-config.ts';

/** A model of text and more, whose text part is a family by itself. */
export interface Wrapper {
  /** Its class in Transformers. */
  readonly architecture: string;
  /** `model_type` of its text_config. */
  readonly family: ModelFamily;
  /** Others that it may have instead. */
  readonly otherFamilies?: readonly ModelFamily[];
  /** Where the text part's modules stand in the class of today. */
  readonly textPath: string;
  /** What text_config leaves out because Transformers assumes it, as far as a family demands it. */
  readonly textDefaults: Readonly<Record<string, unknown>>;
}

/** Every such model that preftune takes the text of, by `model_type` of its config.json. */
export const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  gemma3: {
    architecture: 'Gemma3ForConditionalGeneration',
    family: 'gemma3_text',
    textPath: 'model.language_model',
    // Source: Gemma3TextConfig of Transformers 5.23.
    textDefaults: {
      vocab_size: 262_208,
      hidden_size: 2304,
      intermediate_size: 9216,
      num_hidden_layers: 26,
      num_attention_heads: 8,
    },
  },
  // Ministral 3, and Mistral Small 3.1 and later.
  mistral3: {
    architecture: 'Mistral3ForConditionalGeneration',
    family: 'ministral3',
    otherFamilies: ['mistral'],
    textPath: 'model.language_model',
    textDefaults: {},
  },
};

/** Where the text part's modules stand in such a model, and how the part alone calls them; the first that begins a name counts. */
const TEXT_PREFIXES: readonly (readonly [wrapped: string, alone: string])[] = [
  ['language_model.lm_head.', 'lm_head.'],
  ['language_model.model.', 'model.'],
  ['model.language_model.', 'model.'],
];

/** The name that a weight of the text part has where it stands alone; undefined for a weight of another part. */
export function textName(name: string): string | undefined {
  const found = TEXT_PREFIXES.find(([wrapped]) => name.startsWith(wrapped));
  if (found !== undefined) return `${found[1]}${name.slice(found[0].length)}`;
  return name.startsWith('lm_head.') ? name : undefined;
}
