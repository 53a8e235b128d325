import { diffWordsWithSpace } from 'diff';
import {
  chartCard,
  configurationCard,
  dataCard,
  escapeHtml,
  renderPage,
  section,
  type Chart,
} from '../../report/index.ts';
import { type JsonObject, percent } from '../../core/index.ts';
import { verdictSentence } from '../../monitor/index.ts';
import { meanEstimate } from '../behaviour/estimates.ts';
import { evaluationSentences } from '../behaviour/evaluation-text.ts';
import { measureText } from '../../answers/index.ts';
import type { Measured } from './measure.ts';
import { frontierSection, measuredSections, trainingSections } from './measured-page.ts';
import type { RunStory } from './run-story.ts';
import type { Standing, Standings } from './standings.ts';
import { headlineOf, levelText, outcomeOf, verdictOfPair } from './verdict.ts';

/** One prompt with the answers of the first contestant and another. */
export interface ComparedSample {
  readonly prompt: string;
  readonly baseline: string;
  readonly model: string;
  /** What the judges said, in words. */
  readonly verdict: string;
}

export interface ComparePageInput {
  readonly title: string;
  readonly subtitle: string;
  readonly standings: Standings;
  /** All answers of each contestant, in its order. */
  readonly texts: Readonly<Record<string, readonly string[]>>;
  readonly samples: readonly ComparedSample[];
  readonly judges: readonly string[];
  readonly measured: readonly Measured[];
  readonly stories: readonly RunStory[];
  /** The file of prompts, and how many of it were answered. */
  readonly prompts: { readonly source: string; readonly count: number };
  readonly configuration: JsonObject;
  /** The command that makes this page again. */
  readonly command: string;
  readonly footer: string;
}

const STYLE = `
table.standings { font-variant-numeric: tabular-nums; }
table.standings th[scope=row] { color: var(--ink); width: auto; }
table.standings td, table.standings th { white-space: nowrap; }
table.standings td.number, table.standings th.number { text-align: right; }
svg.rates { display: block; width: 100%; height: auto; max-width: 34rem; margin-bottom: 1rem; }
.grid + .charts, .charts + .data, .charts + .card, .grid + .data, section > .card + .card { margin-top: 1rem; }
.card > .note, section > .note { color: var(--quiet); font-size: .9rem; margin: .75rem 0; }
svg.rates text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg.rates .axis { stroke: var(--line); stroke-width: 1; }
svg.rates .half { stroke: var(--ink); stroke-dasharray: 4 4; opacity: .5; }
svg.rates .bar { stroke-width: 3; stroke: var(--quiet); }
svg.rates .dot { fill: var(--quiet); }
svg.rates .better .bar { stroke: var(--good); } svg.rates .better .dot { fill: var(--good); }
svg.rates .worse .bar { stroke: var(--bad); } svg.rates .worse .dot { fill: var(--bad); }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem; }
.sides p { white-space: pre-wrap; overflow-wrap: anywhere; margin: .25rem 0 0; }
.sides ins { background: var(--good-bg); text-decoration: none; } .sides del { background: var(--bad-bg); text-decoration: none; }
.sample { break-inside: avoid; }
`;

/** report.html of a comparison: the verdict, win rates with their intervals, ratings, behaviour, answers side by side, how it was made. Self-contained. */
export function renderComparePage(input: ComparePageInput): string {
  const { standings, samples, measured, stories } = input;
  const charts: Chart[] = [];
  const place = (more: readonly Chart[]): string => {
    const from = charts.push(...more) - more.length;
    const cards = more.map((chart, i) => chartCard(chart, from + i));
    return cards.length === 0 ? '' : `<div class="charts">\n${cards.join('\n')}\n</div>`;
  };
  return renderPage({
    title: input.title,
    subtitle: input.subtitle,
    verdict: verdictOf(input),
    charts,
    style: STYLE,
    footer: input.footer,
    sections: [
      section('rates', 'Win rates', ratesCard(standings)),
      section('ratings', 'Ratings', ratingsCard(standings)),
      section('at-k', 'Best of several samples', atKCard(standings)),
      section('judges', 'Judges', judgesCard(input)),
      ...trainingSections(stories, { place }),
      frontierSection(measured, standings.pairs, { place }),
      ...measuredSections(measured),
      section('behaviour', 'Behaviour', behaviourCard(input.texts)),
      section('samples', 'Answers side by side', samples.map(sampleCard(standings)).join('\n')),
      section(
        'configuration',
        'How it was made',
        `${repeatCard(input.command)}${configurationCard(input.configuration)}`,
      ),
      section('data', 'Data', dataOf(input), 'data'),
    ],
  });
}

/** What the judges say, and of a single model what it cost: the distance, what changed, what was lost, what went wrong in training. */
function verdictOf({ standings, measured, stories }: ComparePageInput): ReturnType<typeof headlineOf> {
  const headline = headlineOf(standings);
  if (standings.pairs.length > 1) return headline;
  const more = [
    ...measured.flatMap(({ evaluation }) => evaluationSentences(evaluation)),
    ...stories.flatMap(({ verdict }) => (verdict === undefined ? [] : [verdictSentence(verdict)])),
  ];
  return { ...headline, detail: [headline.detail, ...more].filter((part) => part !== '').join(' ') };
}

function dataOf({ prompts, stories }: ComparePageInput): string {
  const own = dataCard({
    title: 'Prompts',
    rows: [
      ['answered', prompts.source],
      ['prompts', prompts.count],
    ],
  });
  return [own, ...stories.map(({ data }) => dataCard(data))].join('\n');
}

function card(body: string): string {
  return `<div class="card">${body}</div>`;
}

function cellsOf(row: readonly string[]): string {
  return row
    .map((cell, i) =>
      i === 0 ? `<th scope="row">${escapeHtml(cell)}</th>` : `<td class="number">${escapeHtml(cell)}</td>`,
    )
    .join('');
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const heads = head.map((cell, i) => `<th scope="col"${i === 0 ? '' : ' class="number"'}>${escapeHtml(cell)}</th>`);
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(head[0]!)}"><table class="standings"><thead><tr>${heads.join('')}</tr></thead>
<tbody>${rows.map((row) => `<tr>${cellsOf(row)}</tr>`).join('\n')}</tbody></table></div>`;
}

function ratesCard({ pairs, level }: Standings): string {
  const rows = pairs.map(({ model, winRate: rate, lengthControlled, withoutVerdict }) => [
    model,
    rate === null ? 'no verdict' : percent(rate.rate),
    rate?.interval ? `${percent(rate.interval.low)} to ${percent(rate.interval.high)}` : '',
    lengthControlled === null ? '' : percent(lengthControlled.rate),
    `${rate?.wins ?? 0} / ${rate?.ties ?? 0} / ${rate?.losses ?? 0}`,
    String(rate?.clusters ?? 0),
    String(withoutVerdict),
  ]);
  const verdicts = pairs.map((pair) => {
    const { text, detail } = verdictOfPair(pair, level);
    return `<li>${escapeHtml(text)} ${escapeHtml(detail)}</li>`;
  });
  return card(
    `${intervalChart(pairs)}${tableOf(
      [
        `Against ${pairs[0]!.baseline}`,
        'win rate',
        levelText(level),
        'at equal length',
        'won / tied / lost',
        'prompts',
        'no verdict',
      ],
      rows,
    )}<ul class="notes">${verdicts.join('')}<li>A tie counts one half. Intervals take prompts as their units${pairs.length > 1 ? ` and hold for all ${pairs.length} comparisons together` : ''}.</li></ul>`,
  );
}

/** Units of the drawing, about pixels where there is room. */
const [ROW, RIGHT, WIDTH, LETTER] = [34, 24, 440, 7.5] as const;
const MAX_NAME = 24;

/** Win rates as points with their intervals, from 0 to 100 %. */
function intervalChart(pairs: readonly Standing[]): string {
  const left = 28 + LETTER * Math.min(MAX_NAME, Math.max(...pairs.map(({ model }) => model.length)));
  const at = (rate: number): number => left + rate * (WIDTH - left - RIGHT);
  const height = ROW * pairs.length + 34;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (tick) =>
      `<line class="${tick === 0.5 ? 'half' : 'axis'}" x1="${at(tick)}" x2="${at(tick)}" y1="6" y2="${height - 22}"/><text x="${at(tick)}" y="${height - 6}" text-anchor="middle">${100 * tick} %</text>`,
  );
  const rows = pairs.map((pair, i) => {
    const y = ROW * i + ROW / 2 + 6;
    const { winRate: rate, model } = pair;
    const name = `<text x="${left - 16}" y="${y + 4}" text-anchor="end">${escapeHtml(model.slice(0, MAX_NAME))}</text>`;
    if (rate === null) return name;
    const { low, high } = rate.interval ?? { low: rate.rate, high: rate.rate };
    return `${name}<g class="${outcomeOf(pair)}"><line class="bar" x1="${at(low)}" x2="${at(high)}" y1="${y}" y2="${y}"/><circle class="dot" cx="${at(rate.rate)}" cy="${y}" r="6"/></g>`;
  });
  const told = pairs
    .map(({ model, winRate: rate }) => `${model} ${rate === null ? 'without a verdict' : percent(rate.rate)}`)
    .join(', ');
  return `<div class="scroll" tabindex="0" role="region" aria-label="Win rates"><svg class="rates" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Win rates: ${escapeHtml(told)}">${ticks.join('')}${rows.join('')}</svg></div>`;
}

function ratingsCard({ ratings }: Standings): string {
  if (ratings === null) return '';
  const rows = ratings
    .toSorted((a, b) => b.rating - a.rating)
    .map(({ name, rating, interval, rank }) => [
      name,
      rating.toFixed(0),
      interval === null ? '' : `${interval.low.toFixed(0)} to ${interval.high.toFixed(0)}`,
      rank === null ? '' : String(rank),
    ]);
  return card(
    `${tableOf(['Bradley-Terry', 'rating', '95 %', 'rank'], rows)}<ul class="notes"><li>400 points are ten wins to one; the mean is 1000. Intervals draw whole prompts.</li></ul>`,
  );
}

function atKCard({ pairs }: Standings): string {
  const rows = pairs.flatMap(({ model, atK }) =>
    atK.map(({ rate, interval, selfPlay }, i) => [
      `${model}, K = ${i + 1}`,
      percent(rate),
      interval === null ? '' : `${percent(interval.low)} to ${percent(interval.high)}`,
      percent(selfPlay),
    ]),
  );
  if (rows.length === 0) return '';
  return card(
    `${tableOf(['At least one of K samples wins', 'rate', 'interval', 'against itself'], rows)}<ul class="notes"><li>It rises with K by itself: compare it with the last column, which a model has against itself.</li></ul>`,
  );
}

function judgesCard({ judges, standings: { agreement } }: ComparePageInput): string {
  const list = `<ul class="notes"><li>Judged by ${escapeHtml(judges.join(', '))}.</li></ul>`;
  if (agreement.length === 0) return card(list);
  const rows = agreement.map(({ judges: two, share, kappa, matches }) => [
    two.join(' and '),
    percent(share),
    kappa === null ? 'not defined' : kappa.toFixed(2),
    String(matches),
  ]);
  return card(`${tableOf(['Judges', 'agree', "Cohen's kappa", 'matches'], rows)}${list}`);
}

function behaviourCard(texts: ComparePageInput['texts']): string {
  const names = Object.keys(texts);
  const measured = names.map((name) => texts[name]!.map(measureText));
  const lines = [
    ['words', 'words', 1, 1],
    ['repetition', 'repeated 4-grams', 1, 100],
    ['refusal', 'refusals', 1, 100],
    ['markdown', 'Markdown', 1, 100],
    ['empty', 'empty', 1, 100],
  ] as const;
  const rows = lines.map(([measure, label, digits, scale]) => [
    label,
    ...measured.map((side) => {
      const estimate = meanEstimate(side.map((one) => one[measure]));
      if (estimate === null) return '';
      const half =
        estimate.interval === null
          ? ''
          : ` ± ${((scale * (estimate.interval.high - estimate.interval.low)) / 2).toFixed(digits)}`;
      return `${(scale * estimate.value).toFixed(digits)}${half}${scale === 100 ? ' %' : ''}`;
    }),
  ]);
  return card(tableOf(['Answers', ...names], rows));
}

function sampleCard({ pairs }: Standings) {
  const [{ model, baseline }] = pairs as [Standing];
  return ({ prompt, baseline: before, model: after, verdict }: ComparedSample): string => {
    const parts = diffWordsWithSpace(before.slice(0, MAX_DIFF), after.slice(0, MAX_DIFF));
    const side = (skip: 'added' | 'removed', tag: 'ins' | 'del'): string =>
      parts
        .filter((part) => !part[skip])
        .map((part) => {
          const text = escapeHtml(part.value);
          return part.added || part.removed ? `<${tag}>${text}</${tag}>` : text;
        })
        .join('');
    return `<div class="card sample"><p class="label">${escapeHtml(prompt)}</p>
<div class="sides"><div><strong>${escapeHtml(baseline)}</strong><p>${side('added', 'del')}</p></div>
<div><strong>${escapeHtml(model)}</strong><p>${side('removed', 'ins')}</p></div></div>
<p class="from">${escapeHtml(verdict)}</p></div>`;
  };
}

/** Words compare in quadratic time at worst. */
const MAX_DIFF = 4000;

function repeatCard(command: string): string {
  return `<div class="card"><p class="label">Make this page again</p><pre>${escapeHtml(command)}</pre></div>`;
}
