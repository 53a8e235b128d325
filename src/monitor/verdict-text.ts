import type { ReportInput, ReportSection } from '../report/index.ts';
import { DETECTORS } from './detectors.ts';
import type { DetectorName, RunFinding, RunVerdict } from './finding.ts';

/** A finding as it is told once, while the run goes on. */
export function findingText({ name, step, title, evidence, advice }: RunFinding): string {
  return `step ${step}: ${title} (${name}): ${evidence}; ${advice}`;
}

/** One sentence on all checks. */
export function verdictSentence({ findings, quiet }: RunVerdict): string {
  const checks = `${findings.length + quiet.length} checks`;
  if (findings.length === 0) return `None of ${checks} for known faults fired.`;
  return `${findings.length} of ${checks} for known faults fired: ${findings.map(({ title }) => title).join('; ')}.`;
}

/** Everything, for a terminal. */
export function renderVerdict(verdict: RunVerdict): string {
  const { findings, quiet, unjudged } = verdict;
  const parts = findings.map(({ name, title, step, sentence, evidence, rule, advice, source }) =>
    [
      `${title} (${name}, step ${step})`,
      `  ${sentence}`,
      `  seen:      ${evidence}`,
      `  threshold: ${rule}`,
      `  change:    ${advice}`,
      `  source:    ${source}`,
    ].join('\n'),
  );
  const rest = [
    ...(quiet.length === 0 ? [] : [`not seen:   ${quiet.join(', ')}`]),
    ...unjudged.map(({ name, reason }) => `not judged: ${name}: ${reason}`),
  ];
  return [verdictSentence(verdict), ...parts, rest.join('\n')].filter((part) => part !== '').join('\n\n');
}

/** Cards of a report: one for each finding, and one for what was looked for besides. */
export function verdictSections({ findings, quiet, unjudged }: RunVerdict): ReportSection[] {
  return [
    ...findings.map(({ title, step, sentence, evidence, rule, advice, source }) => ({
      title: capital(title),
      rows: [
        ['first seen', `step ${step}`],
        ['seen', evidence],
        ['threshold', rule],
        ['what to change', advice],
        ['source', source],
      ] as const,
      notes: [sentence],
    })),
    {
      title: findings.length === 0 ? 'Looked for, not seen' : 'Looked for besides',
      rows: [],
      notes: [
        ...(quiet.length === 0 ? [] : [`not seen: ${quiet.map(titleOf).join('; ')}`]),
        ...unjudged.map(({ name, reason }) => `not judged, ${titleOf(name)}: ${reason}`),
      ],
    },
  ];
}

function titleOf(name: DetectorName): string {
  return DETECTORS[name].title;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** The verdict under a report's title: what was found comes before what was measured. */
export function monitoredVerdict(
  verdict: RunVerdict,
  measured: ReportInput['verdict'],
): NonNullable<ReportInput['verdict']> {
  const sentence = verdictSentence(verdict);
  if (verdict.findings.length === 0)
    return measured === undefined ? { tone: 'neutral', text: sentence } : { ...measured, detail: sentence };
  const [first] = verdict.findings;
  const detail = `${first!.sentence} What to change: ${first!.advice}.${measured === undefined ? '' : ` ${measured.text}`}`;
  return { tone: 'bad', text: sentence, detail };
}
