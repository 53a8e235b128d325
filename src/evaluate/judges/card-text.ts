import { percent } from '../../core/index.ts';
import type { Interval } from '../../statistics/index.ts';
import type { JudgeCard, Share } from './card.ts';

/** A judge card as lines for a terminal. */
export function renderJudgeCard(card: JudgeCard): string {
  const { noVerdict, noVerdictMessages, kappa, longerChosen, ownChosen } = card;
  const missing = Object.entries(noVerdict).map(([reason, count]) => `${count} ${reason}`);
  const entries: [string, string][] = [
    ['rows', `${card.rows}${missing.length > 0 ? `, without a verdict ${missing.join(', ')}` : ''}`],
    ...Object.entries(noVerdictMessages).map(([reason, message]): [string, string] => [`  ${reason}`, message]),
    ['agreement with people', shareText(card.agreement)],
    ['  where neither says tie', shareText(card.agreementDecided)],
    ["Cohen's kappa", kappa.value === null ? 'not defined' : `${kappa.value.toFixed(2)}${range(kappa.interval, 2)}`],
    ['ties', `judge ${shareText(card.ties.judge)}, people ${shareText(card.ties.human)}`],
  ];
  if (card.firstChosen.of > 0) entries.push(['first one shown wins', shareText(card.firstChosen)]);
  if (card.inconsistent.of > 0) entries.push(['changes with the order', shareText(card.inconsistent)]);
  entries.push(['longer one wins', `judge ${shareText(longerChosen.judge)}, people ${shareText(longerChosen.human)}`]);
  if (ownChosen !== null)
    entries.push(['its own answer wins', `judge ${shareText(ownChosen.judge)}, people ${shareText(ownChosen.human)}`]);
  for (const { judges, agreement, kappa: value } of card.members)
    entries.push([
      `${judges[0]} with ${judges[1]}`,
      `${shareText(agreement)}, kappa ${value === null ? 'not defined' : value.toFixed(2)}`,
    ]);
  const width = Math.max(...entries.map(([label]) => label.length));
  return [`judge ${card.judge}`, ...entries.map(([label, text]) => `  ${label.padEnd(width)}  ${text}`)].join('\n');
}

/** A share with its interval and what it is of. */
function shareText({ share, interval, of }: Share): string {
  if (share === null) return 'no rows';
  const bounds = interval === null ? '' : ` [${(100 * interval.low).toFixed(0)}, ${(100 * interval.high).toFixed(0)}]`;
  return `${percent(share)}${bounds} of ${of}`;
}

function range(interval: Interval | null, digits: number): string {
  return interval === null ? '' : ` [${interval.low.toFixed(digits)}, ${interval.high.toFixed(digits)}]`;
}
