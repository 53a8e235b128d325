import type { TextMode, TrlRules } from '../data/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';

/** How texts are given to a model: as a user's turn in its chat template, or as they stand. */
export const ASKINGS = ['chat', 'raw'] as const;
export type Asking = (typeof ASKINGS)[number];

/** Beside adapter_config.json or config.json: what preftune's training says of the files that nobody else's format has a place for. */
export const OWN_FILE = 'preftune.json';
/** The same in a GGUF file; only where a model is to be asked raw. */
export const GGUF_ASKED = 'tokenizer.preftune.asked';

/** How a model was trained to be asked, and what of it says so. */
export interface TrainedAsking {
  readonly asked: Asking;
  /** The adapter, run or model, as it can be named. */
  readonly by: string;
}

/** The files that say, beside an adapter's or a model's, how it is to be asked; none where training said nothing of it. */
export function askingFiles(asked: Asking | undefined): Readonly<Record<string, string>> {
  return asked === undefined ? {} : { [OWN_FILE]: `${JSON.stringify({ formatVersion: 1, asked }, null, 2)}\n` };
}

/** How rows of texts are trained or scored: what was asked for, else as the model was trained; `auto` is left where neither says it. */
export function textRowsOf(
  textRows: TextMode,
  { trained, trl }: { readonly trained: TrainedAsking | undefined; readonly trl: TrlRules | undefined },
): TextMode {
  if (trl !== undefined) return 'raw';
  return textRows === 'auto' ? (trained?.asked ?? 'auto') : textRows;
}

/** `auto` as what it comes to. */
export function resolvedTextRows(textRows: TextMode, { chatTemplate }: Tokenizer): Asking {
  if (textRows !== 'auto') return textRows;
  return chatTemplate === undefined ? 'raw' : 'chat';
}

const WORDS: Readonly<Record<Asking, string>> = {
  chat: 'through its chat template',
  raw: 'on texts as they stand, without the chat template',
};

/** What a user should know where rows of texts are trained or scored otherwise than the model was trained; undefined where they are not. */
export function textRowsWarning(textRows: TextMode, trained: TrainedAsking | undefined): string | undefined {
  if (trained === undefined || textRows === 'auto' || textRows === trained.asked) return undefined;
  return `${trained.by} was trained ${WORDS[trained.asked]}; with --text-rows ${textRows} rows of texts ${textRows === 'raw' ? 'stay as they stand' : 'go through the template'} all the same`;
}

/** How texts are given to a model in use, and what a user should know of it. */
export interface AskedTexts {
  /** As PromptOptions has it: `texts` gives conversations in the template all the same. */
  readonly isRaw: boolean | 'texts';
  readonly note?: string;
  readonly warning?: string;
}

export interface AskingOptions {
  readonly trained: TrainedAsking | undefined;
  readonly tokenizer: Tokenizer;
  /** A system message is given, which only the template has a place for. */
  readonly hasSystem?: boolean | undefined;
}

/** As it was trained, unless the user says otherwise; a model that says nothing is asked through its chat template, or raw where it has none. */
export function askTexts(
  asked: Asking | undefined,
  { trained, tokenizer, hasSystem = false }: AskingOptions,
): AskedTexts {
  const hasTemplate = tokenizer.chatTemplate !== undefined;
  if (asked !== undefined) {
    const isRaw = asked === 'raw';
    if (trained === undefined || trained.asked === asked) return { isRaw };
    const warning = `${trained.by} was trained ${WORDS[trained.asked]}, but is asked ${isRaw ? 'without it' : 'through the template'} (--ask ${asked}): it may answer otherwise than it was trained to`;
    return { isRaw, warning };
  }
  if (trained?.asked !== 'raw') return { isRaw: !hasTemplate };
  if (hasSystem && hasTemplate) {
    const warning = `${trained.by} was trained ${WORDS.raw}, but is asked through the template, which a system message needs: it may answer otherwise than it was trained to`;
    return { isRaw: false, warning };
  }
  const note = `${trained.by} was trained ${WORDS.raw}, and texts are given to it so; --ask chat asks through the template`;
  return hasTemplate ? { isRaw: 'texts', note } : { isRaw: true };
}
