import { badInput, nearestName, shownValue, type JsonObject } from '../core/index.ts';

/** Judges that a word names: those that need nothing but a side to take. */
const SHORT_JUDGES: Readonly<Record<string, JsonObject>> = {
  sentiment: { kind: 'sentiment', prefer: 'positive' },
  'sentiment:positive': { kind: 'sentiment', prefer: 'positive' },
  'sentiment:negative': { kind: 'sentiment', prefer: 'negative' },
  refusal: { kind: 'refusal' },
  'length:shorter': { kind: 'length', prefer: 'shorter' },
  'length:longer': { kind: 'length', prefer: 'longer' },
  'reading-level:easier': { kind: 'reading-level', prefer: 'easier' },
  'reading-level:harder': { kind: 'reading-level', prefer: 'harder' },
  json: { kind: 'json' },
};

/** The words that name a judge, in the order in which messages and help list them. */
export const SHORT_JUDGE_NAMES: readonly string[] = Object.keys(SHORT_JUDGES);

/** Sides that need no kind before them: `shorter` is `length:shorter`. */
function sided(word: string): string | undefined {
  return SHORT_JUDGE_NAMES.find((name) => name.endsWith(`:${word}`));
}

/** The judge that a word names: `sentiment` is {"kind": "sentiment", "prefer": "positive"}. Throws bad-input for other words, with what is near. */
export function judgeOfName(word: string): JsonObject {
  const wanted = word.trim().toLowerCase().replaceAll('_', '-');
  const found = SHORT_JUDGES[sided(wanted) ?? wanted];
  if (found !== undefined) return found;
  throw badInput({ path: 'judges', message: `--judges ${unknownJudge(word, wanted)}` });
}

function unknownJudge(word: string, wanted: string): string {
  const sides = SHORT_JUDGE_NAMES.filter((name) => name.startsWith(`${wanted}:`));
  if (sides.length > 0) return `must say which side is better, got ${shownValue(word)}; take ${sides.join(' or ')}`;
  const near = nearestName(wanted, SHORT_JUDGE_NAMES) ?? nearestSide(wanted);
  const guess = near === undefined ? '' : ` did you mean ${near}?`;
  const model = near === undefined && /\d/.test(word) ? ' a language model is named by --judge-model;' : '';
  return (
    `must be names of rules or a list of objects, got ${shownValue(word)};${guess}${model} ` +
    `names are ${SHORT_JUDGE_NAMES.join(', ')}; for other judges see docs/judges.md`
  );
}

function nearestSide(wanted: string): string | undefined {
  const sides = SHORT_JUDGE_NAMES.flatMap((name) => name.split(':').slice(1));
  const near = nearestName(wanted, sides);
  return near === undefined ? undefined : sided(near);
}
