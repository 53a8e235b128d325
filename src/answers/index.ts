export { asksForLanguage, languageName, openLanguageDetector, type DetectLanguage } from './language.ts';
export { hasMarkdown, isRefusal, isTruncated } from './signals.ts';
export { distinctShare, measureText, repetitionOf, wordsOf, type TextMeasures } from './text-measures.ts';
