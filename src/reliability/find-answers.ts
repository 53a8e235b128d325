import { percent } from '../core/index.ts';
import type { ProblemReason } from '../data/index.ts';
import { NO_PLACES, counted, severityOf, type DataFinding } from './finding.ts';
import { languageName } from '../answers/index.ts';
import { PERSONAL_KINDS, SECRET_KINDS, type PersonalKind } from './personal-data.ts';
import { FLAG, type RowTable } from './row-table.ts';
import type { Scan } from './scan.ts';

/** Records that cannot be used: both sides the same, nothing in an answer, and everything else that reading refuses. */
export function findRefused({ refused, table }: Scan): DataFinding[] {
  const records = table.count + [...refused.values()].reduce((sum, places) => sum + places.length, 0);
  const of = (reasons: readonly ProblemReason[]): Float64Array => {
    const lists = reasons.flatMap((reason) => Array.from(refused.get(reason) ?? NO_PLACES));
    return Float64Array.from(lists).toSorted();
  };
  const known: readonly ProblemReason[] = ['identical-sides', 'empty-answer'];
  const parts = [
    {
      kind: 'identical',
      places: of(['identical-sides']),
      what: 'have the same text as chosen and as rejected',
      advice: 'drop them, they teach nothing: preftune data clean --apply identical',
    },
    {
      kind: 'empty',
      places: of(['empty-answer']),
      what: 'have an empty answer',
      advice: 'drop them: preftune data clean --apply empty',
    },
    {
      kind: 'unreadable',
      places: of([...refused.keys()].filter((reason) => !known.includes(reason))),
      what: 'cannot be used; the problems above say why',
      advice: 'mend them, or leave them out: preftune data clean --apply unreadable',
    },
  ] as const;
  return parts
    .filter(({ places }) => places.length > 0)
    .map(({ kind, places, what, advice }) => ({
      kind,
      severity: 'serious' as const,
      count: places.length,
      sentence: `${counted(places.length)} (${percent(places.length / records)}) ${what}`,
      advice,
      places,
    }));
}

/** Ties, answers that break off, answers of one length, personal data and secrets. */
export function findAnswers(table: RowTable): DataFinding[] {
  return [...ties(table), ...truncated(table), ...sameLength(table), ...personal(table), ...languageMismatch(table)];
}

function ties({ flags, place, count }: RowTable): DataFinding[] {
  const places = place.filter((_, row) => (flags[row]! & FLAG.tie) !== 0);
  if (places.length === 0) return [];
  return [
    {
      kind: 'ties',
      severity: 'note',
      count: places.length,
      sentence: `${counted(places.length)} (${percent(places.length / count)}) are ties: equal scores, no margin, or votes that do not decide`,
      advice: 'leave them out of training on pairs: preftune data clean --apply ties',
      places,
    },
  ];
}

function truncated({ flags, place, count }: RowTable): DataFinding[] {
  const has = (flag: number): number => flags.reduce((sum, bits) => sum + ((bits & flag) === 0 ? 0 : 1), 0);
  const [chosen, rejected] = [has(FLAG.firstTruncated), has(FLAG.secondTruncated)];
  if (chosen + rejected === 0) return [];
  const share = chosen / count;
  const isPaired = flags.some((bits) => (bits & FLAG.pair) !== 0);
  const what = isPaired
    ? `${counted(chosen, 'chosen answer')} (${percent(share)}) and ${counted(rejected, 'rejected one')} (${percent(rejected / count)}) seem to break off mid-sentence`
    : `${counted(chosen, 'answer')} (${percent(share)}) seem to break off mid-sentence`;
  return [
    {
      kind: 'truncated',
      severity: severityOf(share, { serious: 0.2, warning: 0.02 }),
      count: chosen + rejected,
      sentence: what,
      advice:
        'a model learns to stop there; drop rows whose chosen answer is cut: preftune data clean --apply truncated',
      places: place.filter((_, row) => (flags[row]! & (FLAG.firstTruncated | FLAG.secondTruncated)) !== 0),
      removable: place.filter((_, row) => (flags[row]! & FLAG.firstTruncated) !== 0),
      values: { chosen, rejected },
    },
  ];
}

/** Shorter answers share a length by chance. */
const MIN_CUT = { tokens: 16, characters: 64 };

/** Many answers of exactly the greatest length: a generation limit, or an export that cuts. */
function sameLength(table: RowTable): DataFinding[] {
  const hasTokens = table.firstTokens.some((length) => length > 0);
  const unit = hasTokens ? 'tokens' : 'characters';
  const [first, second] = hasTokens ? [table.firstTokens, table.secondTokens] : [table.firstLength, table.secondLength];
  const counts = new Map<number, number>();
  let longest = 0;
  for (const lengths of [first, second]) {
    for (const length of lengths) {
      if (length < MIN_CUT[unit]) continue;
      counts.set(length, (counts.get(length) ?? 0) + 1);
      longest = Math.max(longest, length);
    }
  }
  const atMost = counts.get(longest) ?? 0;
  const nearby = [...counts].filter(([length]) => length >= 0.9 * longest && length < longest);
  const usual = nearby.reduce((sum, [, count]) => sum + count, 0) / Math.max(1, 0.1 * longest);
  if (atMost < Math.max(5, 10 * usual)) return [];
  const places = table.place.filter((_, row) => first[row] === longest || second[row] === longest);
  return [
    {
      kind: 'same-length',
      severity: severityOf(places.length / table.count, { serious: 0.2, warning: 0.01 }),
      count: atMost,
      sentence: `${counted(atMost, 'answer')} have exactly ${longest} ${unit}, the greatest length: something cut them`,
      advice: 'make them again with a higher limit, or drop them: preftune data clean --apply same-length',
      places,
      values: { length: longest, unit },
    },
  ];
}

function personal({ personal: bits, place, count }: RowTable): DataFinding[] {
  const build = (kind: 'secrets' | 'personal-data', kinds: readonly PersonalKind[]): DataFinding[] => {
    const mask = kinds.reduce((all, each) => all | (1 << PERSONAL_KINDS.indexOf(each)), 0);
    const places = place.filter((_, row) => (bits[row]! & mask) !== 0);
    if (places.length === 0) return [];
    const counts = kinds.flatMap((each) => {
      const bit = 1 << PERSONAL_KINDS.indexOf(each);
      const found = bits.reduce((sum, row) => sum + ((row & bit) === 0 ? 0 : 1), 0);
      return found === 0 ? [] : [[each, found] as const];
    });
    const what = counts.map(([each, found]) => `${each} ${found}`).join(', ');
    const isSecret = kind === 'secrets';
    return [
      {
        kind,
        severity: isSecret ? 'serious' : severityOf(places.length / count, { serious: 0.05, warning: 0 }),
        count: places.length,
        sentence: `${counted(places.length)} (${percent(places.length / count)}) ${places.length === 1 ? 'seems' : 'seem'} to hold ${isSecret ? 'keys' : 'personal data'}: ${what}`,
        advice: `${isSecret ? 'revoke them where they are yours, and' : 'check some by hand;'} mask them: preftune data clean --apply mask-${kind}`,
        places,
        values: Object.fromEntries(counts),
      },
    ];
  };
  return [
    ...build('secrets', SECRET_KINDS),
    ...build(
      'personal-data',
      PERSONAL_KINDS.filter((kind) => !SECRET_KINDS.includes(kind)),
    ),
  ];
}

/** Answers in another language than their prompt, where neither is in doubt and the prompt does not ask for it. */
function languageMismatch(table: RowTable): DataFinding[] {
  const { promptLanguage, firstLanguage, place, count, languages } = table;
  const differs = (row: number): boolean =>
    promptLanguage[row] !== 0 && firstLanguage[row] !== 0 && promptLanguage[row] !== firstLanguage[row];
  const places = place.filter((_, row) => differs(row));
  if (places.length === 0) return [];
  const pairs = new Map<string, number>();
  for (let row = 0; row < count; row++) {
    if (!differs(row)) continue;
    const [from, to] = [promptLanguage, firstLanguage].map((column) => languageName(languages[column[row]!]!));
    const key = `${from} to ${to}`;
    pairs.set(key, (pairs.get(key) ?? 0) + 1);
  }
  const top = [...pairs].toSorted((a, b) => b[1] - a[1]).slice(0, 3);
  return [
    {
      kind: 'language-mismatch',
      severity: severityOf(places.length / count, { serious: 0.1, warning: 0.01 }),
      count: places.length,
      sentence: `${counted(places.length)} (${percent(places.length / count)}) have ${table.second.some((key) => key !== 0) ? 'a chosen' : 'an'} answer in another language than the prompt: ${top.map(([what, number]) => `${what} ${number}`).join(', ')}`,
      advice: 'unless that is wanted, drop them: preftune data clean --apply language-mismatch',
      places,
      values: Object.fromEntries(top),
    },
  ];
}
