import { percent } from '../core/index.ts';
import { escapeHtml, renderPage, section } from '../report/index.ts';
import type { Reliability } from './check.ts';
import type { Agreement, AnnotatorCard } from './find-agreement.ts';
import { type DataFinding } from './finding.ts';
import type { Mislabelled } from './find-mislabelled.ts';
import { dotPlot, histogram, PLOT_STYLE, shareBars } from './report-plots.ts';
import { placesText, verdictOf } from './report-text.ts';

export interface ReliabilityPage {
  readonly title: string;
  readonly subtitle: string;
  readonly reliability: Reliability;
  /** At the foot: versions, when. */
  readonly footer: string;
}

/** The most that a list of the page shows. */
const MAX_SHOWN = 20;

/**
 * report.html of `data check`: one page without scripts that needs nothing else, not even a network. Texts from data (names of files, sources and people)
 * are escaped, and the page's security policy lets nothing run.
 */
export function renderReliabilityPage({ title, subtitle, reliability, footer }: ReliabilityPage): string {
  const { findings, cues, languages, sources, lengths, agreement, mislabelled, table } = reliability;
  const isPaired = lengths.rejected.some((value) => value > 0);
  const answers = isPaired ? 'chosen' : 'answers';
  const plots: string[] = [
    card(
      'Length of answers',
      'characters; the last bin has everything beyond',
      histogram(
        lengths.edges,
        [
          { name: answers, color: 'chosen' as const, values: lengths.chosen },
          ...(isPaired ? [{ name: 'rejected', color: 'rejected' as const, values: lengths.rejected }] : []),
        ],
        'Length of answers, in characters',
      ),
    ),
  ];
  if (cues.length > 0) {
    const rows = cues.map(({ name, accuracy, interval, decided }) => ({
      label: `pick ${name}`,
      value: accuracy,
      interval,
      text: `${percent(accuracy)} of ${decided.toLocaleString('en-US')}`,
    }));
    plots.push(
      card(
        'What a rule without reading would get right',
        'share of pairs where it decides, with its 95 % interval; 0.5 is chance',
        dotPlot(rows, { low: 0, high: 1, mark: 0.5 }),
      ),
    );
  }
  if (mislabelled !== undefined) plots.push(marginsCard(mislabelled));
  if (languages.some(({ name }) => name !== 'unknown'))
    plots.push(card('Languages', 'of the chosen answers', shareBars(languages.slice(0, MAX_SHOWN), table.count)));
  if (sources.length > 0)
    plots.push(card('Sources', 'rows of each', shareBars(sources.slice(0, MAX_SHOWN), table.count)));
  return renderPage({
    title,
    subtitle,
    footer,
    main: 'findings',
    style: PLOT_STYLE,
    verdict: {
      tone: toneOf(findings),
      text: verdictOf(findings),
      detail: `${table.count.toLocaleString('en-US')} usable rows were read`,
    },
    sections: [
      section('findings', 'Findings', findings.map((finding) => findingCard(finding, table.files)).join('\n')),
      section('plots', 'Plots', `<div class="charts">${plots.join('\n')}</div>`),
      section('agreement', 'Agreement', agreement === undefined ? '' : agreementHtml(agreement)),
    ],
  });
}

function toneOf(findings: readonly DataFinding[]): 'good' | 'bad' | 'neutral' {
  if (findings.length === 0) return 'good';
  return findings.some(({ severity }) => severity === 'serious') ? 'bad' : 'neutral';
}

function card(title: string, note: string, body: string): string {
  return `<figure class="card"><figcaption><h3>${title}</h3><p class="note">${note}</p></figcaption>${body}</figure>`;
}

function findingCard({ kind, severity, sentence, advice, places }: DataFinding, files: readonly string[]): string {
  const shown = placesText(places, files, MAX_SHOWN);
  return `<article class="card finding ${severity === 'note' ? 'remark' : severity}"><h3>${kind} <span class="severity">${severity}</span></h3>
<p>${escapeHtml(sentence)}</p><p class="advice">${escapeHtml(advice)}</p>${shown === '' ? '' : `<details><summary>rows</summary><p class="places">${escapeHtml(shown)}</p></details>`}</article>`;
}

const MARGIN_BINS = 25;

function marginsCard({ margins, scored, accuracy }: Mislabelled): string {
  const known = margins.filter((margin) => !Number.isNaN(margin));
  const sizes = known.map(Math.abs).toSorted();
  const limit = sizes[Math.floor(0.98 * (sizes.length - 1))] || 1;
  const counts = Array<number>(MARGIN_BINS).fill(0);
  const width = (2 * limit) / MARGIN_BINS;
  for (const margin of known) counts[Math.min(MARGIN_BINS - 1, Math.max(0, Math.floor((margin + limit) / width)))]!++;
  const edges = counts.map((_, bin) => Number((bin * width - limit).toPrecision(2)));
  return card(
    'Held-out reward margins',
    `${scored.toLocaleString('en-US')} pairs, each under a model that has not seen it; ${percent(accuracy)} are positive. Far on the left: perhaps swapped`,
    histogram(edges, [{ name: 'pairs', color: 'heldout', values: counts }], 'Held-out reward margins'),
  );
}

function agreementHtml({ coefficients, annotators, ratings, sharedItems }: Agreement): string {
  const defined = coefficients.flatMap(({ name, estimate, interval }) =>
    estimate === null ? [] : [{ label: name, value: estimate, interval, text: estimate.toFixed(2) }],
  );
  const missing = coefficients.filter(({ estimate }) => estimate === null).map(({ name }) => name);
  const rows = annotators.slice(0, MAX_SHOWN).map(annotatorRow).join('\n');
  const more = annotators.length - MAX_SHOWN;
  return `<div class="charts">${card(
    'Coefficients',
    `${ratings.toLocaleString('en-US')} judgements, ${sharedItems.toLocaleString('en-US')} items that several judged; 0 is chance, 1 full agreement${missing.length > 0 ? `. Not defined: ${missing.join(', ')}` : ''}`,
    defined.length === 0 ? '' : dotPlot(defined, { low: -1, high: 1, mark: 0 }),
  )}
<div class="card"><h3>Annotators</h3><div class="scroll"><table class="numbers"><thead><tr><th scope="col">name</th><th scope="col">rows</th><th scope="col">agrees</th><th scope="col">longer</th><th scope="col">first shown</th></tr></thead><tbody>${rows}</tbody></table></div>${more > 0 ? `<p class="note">and ${more} more</p>` : ''}</div></div>`;
}

function annotatorRow({ name, ratings, agreement, longer, firstShown, remarks }: AnnotatorCard): string {
  const cells = [agreement, longer, firstShown].map((share) => `<td>${share === null ? '' : percent(share)}</td>`);
  return `<tr${remarks.length > 0 ? ' class="odd"' : ''}><th scope="row">${escapeHtml(name)}</th><td>${ratings.toLocaleString('en-US')}</td>${cells.join('')}</tr>`;
}
