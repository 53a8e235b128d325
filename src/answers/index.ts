export { FLAW_NAMES, flawsOf, type FlawContext, type FlawName, type SeenAnswer } from './flaws.ts';
export { asksForLanguage, languageName, openLanguageDetector, type DetectLanguage } from './language.ts';
export { isRepeating, REPEAT_LIMITS } from './repeats.ts';
export { hasMarkdown, isRefusal, isTruncated } from './signals.ts';
export { distinctShare, isEmptyText, measureText, repetitionOf, wordsOf, type TextMeasures } from './text-measures.ts';
