import { escapeHtml, renderPage, section, type PageSection } from '../../report/index.ts';
import type { DrawnPair, Evaluation } from './evaluate.ts';
import { evaluationTables, type EvaluationTable } from './evaluation-tables.ts';
import { evaluationSentences } from './evaluation-text.ts';
import type { FrontierPoint } from './frontier.ts';

export interface EvaluationPageInput {
  readonly title: string;
  readonly subtitle: string;
  readonly evaluation: Evaluation;
  readonly frontier?: readonly FrontierPoint[] | undefined;
  readonly answers: readonly DrawnPair[];
  readonly footer: string;
}

/** The page shows the first so many prompts answered. */
const MAX_ANSWERS = 12;

/** The numbers of an evaluation as sections of a report, one for each thing that was measured. */
export function evaluationSections(evaluation: Evaluation, frontier?: readonly FrontierPoint[]): PageSection[] {
  const { kl, behaviour, drift, facts, instructions } = evaluation;
  const parts: readonly (readonly [
    id: string,
    title: string,
    part: Evaluation,
    points?: readonly FrontierPoint[] | undefined,
  ])[] = [
    ['kl', 'Distance from the reference', kl ? { kl } : {}],
    ['frontier', 'Checkpoints', {}, frontier],
    ['behaviour', 'How it answers', behaviour ? { behaviour } : {}],
    ['drift', 'Ordinary text', drift ? { drift } : {}],
    ['facts', 'Known answers', facts ? { facts } : {}],
    ['instructions', 'Instructions', instructions ? { instructions } : {}],
  ];
  return parts.map(([id, title, part, points]) =>
    section(id, title, evaluationTables(part, points).map(tableCard).join('\n')),
  );
}

/** report.html of an evaluation: what changed, in sentences and in numbers, and answers of both models side by side. Self-contained. */
export function renderEvaluationPage({ title, subtitle, evaluation, frontier, ...input }: EvaluationPageInput): string {
  const [first = 'Nothing was compared.', ...others] = evaluationSentences(evaluation);
  return renderPage({
    title,
    subtitle,
    verdict: { tone: 'neutral', text: first, detail: others.join(' ') },
    charts: [],
    footer: input.footer,
    sections: [
      ...evaluationSections(evaluation, frontier),
      section('answers', 'Answers side by side', input.answers.slice(0, MAX_ANSWERS).map(answersCard).join('\n')),
    ],
  });
}

/** A table with its title and note. */
export function tableCard({ title, note, rows: [head = [], ...rows] }: EvaluationTable): string {
  const heads = head.map((cell) => `<th scope="col">${escapeHtml(cell.trim())}</th>`).join('');
  const body = rows.map(([label = '', ...cells]) => {
    const values = cells.map((cell) => `<td>${escapeHtml(cell.trim())}</td>`).join('');
    return `<tr><th scope="row">${escapeHtml(label)}</th>${values}</tr>`;
  });
  return `<div class="card"><h3>${escapeHtml(title)}</h3>
<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(title)}"><table class="numbers"><thead><tr>${heads}</tr></thead>
<tbody>${body.join('\n')}</tbody></table></div>
${note === undefined ? '' : `<p class="note">${escapeHtml(note)}</p>`}</div>`;
}

function answerBox(name: string, kind: string, text: string): string {
  const shown = text.trim() === '' ? '<p class="empty">nothing</p>' : `<p>${escapeHtml(text)}</p>`;
  return `<div class="answer ${kind}"><h4>${name}</h4>${shown}</div>`;
}

function answersCard({ policy, reference }: DrawnPair): string {
  const before = reference === undefined ? '' : answerBox('Reference', 'before', reference.text);
  const after = answerBox('Policy', 'after', policy.text);
  return `<article class="card sample"><h3 class="prompt">${escapeHtml(policy.prompt.trim())}</h3><div class="answers">${before}${after}</div></article>`;
}
