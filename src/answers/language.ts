/** Says the language of a text as an ISO 639-1 code; undefined when it cannot tell. */
export type DetectLanguage = (text: string) => string | undefined;

/** Texts with fewer letters say too little. */
const MIN_LETTERS = 24;
const MAX_CHARACTERS = 240;

/** The detector (60 languages). Loaded when it is asked for: its tables take some 100 MB. */
export async function openLanguageDetector(): Promise<DetectLanguage> {
  const { eld } = await import('eld/small');
  return (text) => {
    const prose = withoutCode(text).slice(0, MAX_CHARACTERS);
    if ((prose.match(/\p{L}/gu)?.length ?? 0) < MIN_LETTERS) return undefined;
    const result = eld.detect(prose);
    return result.language !== '' && result.isReliable() ? result.language : undefined;
  };
}

/** Code and addresses are in no language. */
function withoutCode(text: string): string {
  const head = text.slice(0, 8 * MAX_CHARACTERS);
  return head.replaceAll(/```[\s\S]*?(?:```|$)|`[^`\n]*`|https?:\/\/\S+/g, ' ').trim();
}

const NAMES = new Intl.DisplayNames(['en'], { type: 'language' });

/** The English name of a code: `de` is German. */
export function languageName(code: string): string {
  return code === '' ? 'unknown' : (NAMES.of(code) ?? code);
}

/** A prompt that asks for another language expects an answer that is not in its own. */
export function asksForLanguage(prompt: string): boolean {
  return /\b(?:translat|übersetz|tradui|traduc|tradu[zç]|translate|language|перевед|翻译|翻訳)|\b(?:in|into|to|auf|ins?|en|em|på) (?:english|englisch|french|français|german|deutsch|spanish|español|italian|portuguese|dutch|russian|chinese|japanese|korean|arabic|hindi|turkish|polish|swedish|latin|greek|hebrew|vietnamese|thai)\b/i.test(
    prompt,
  );
}
