import { GGUF_PRE_TOKENIZERS } from '../../tokenizer/index.ts';

type Json = Readonly<Record<string, unknown>>;

/** Those of llama.cpp's pre-tokenizers that models have most often, first. Names that are left out cut as one of these does. */
const PREFERRED = [
  'llama-bpe',
  'qwen2',
  'smollm',
  'gpt-2',
  'tekken',
  'gpt-4o',
  'deepseek-v3',
  'dbrx',
  'falcon',
  'qwen35',
  'default',
];

/**
 * The names under which llama.cpp may cut as a tokenizer.json does, the likeliest first, which are `ofFamily`: those of the same patterns, and where there is none, all,
 * for the ids to decide. A small vocabulary gives the same ids under several cuts, so that ids alone would not tell.
 */
export function candidatePreTokenizers(tokenizerJson: Json, ofFamily: readonly string[]): string[] {
  const patterns = patternsOf(tokenizerJson['pre_tokenizer'] as Json | null | undefined).join('\n');
  const ignoresMerges = ((tokenizerJson['model'] ?? {}) as Json)['ignore_merges'] === true;
  const names = [...new Set([...ofFamily, ...PREFERRED])];
  const same = names.filter((name) => GGUF_PRE_TOKENIZERS.get(name)!.patterns.join('\n') === patterns);
  const mergesDiffer = (name: string): number =>
    GGUF_PRE_TOKENIZERS.get(name)!.ignoreMerges === ignoresMerges ? 0 : 1;
  return (same.length > 0 ? same : names).toSorted((a, b) => mergesDiffer(a) - mergesDiffer(b));
}

/** What cuts a text, as the regular expressions that are applied one after the other. */
function patternsOf(pre: Json | null | undefined): string[] {
  if (pre === null || pre === undefined) return [];
  switch (pre['type']) {
    case 'Sequence':
      return ((pre['pretokenizers'] ?? []) as Json[]).flatMap(patternsOf);
    case 'Split': {
      const pattern = (pre['pattern'] ?? {}) as Json;
      return [String(pattern['Regex'] ?? pattern['String'])];
    }
    case 'Digits':
      return [pre['individual_digits'] === true ? String.raw`\p{N}` : String.raw`\p{N}+`];
    case 'ByteLevel':
      return pre['use_regex'] === false ? [] : [...GGUF_PRE_TOKENIZERS.get('gpt-2')!.patterns];
    default:
      return [String(pre['type'])];
  }
}
