import type { ReportInput, ReportSection } from '../report/index.ts';
import { DETECTORS } from './detectors.ts';
import type { DetectorName, RunFinding, RunVerdict } from './finding.ts';
import { hasBroken, samplesSentence, type SampleVerdict } from './sample-verdict.ts';

/** A finding as it is told once, while the run goes on. */
export function findingText({ name, step, title, evidence, advice }: RunFinding): string {
  return `step ${step}: ${title} (${name}): ${evidence}; ${advice}`;
}

/** One sentence on all checks, and one on the samples where there are any. */
export function verdictSentence(verdict: RunVerdict): string {
  const samples = verdict.samples && samplesSentence(verdict.samples);
  return samples === undefined ? checksSentence(verdict) : `${checksSentence(verdict)} ${samples}`;
}

/** One sentence on what was looked for in the metrics. */
export function checksSentence({ findings, quiet, tooShort }: RunVerdict): string {
  const checks = `${findings.length + quiet.length} checks`;
  const others = tooShort.length === 0 ? '' : `; the run is too short for ${tooShort.length} others`;
  if (findings.length > 0)
    return `${findings.length} of ${checks} for known faults fired${others}: ${findings.map(({ title }) => title).join('; ')}.`;
  if (quiet.length > 0) return `None of ${checks} for known faults fired${others}.`;
  return tooShort.length === 0
    ? 'No check for known faults could be made.'
    : `The run is too short to judge: each of ${tooShort.length} checks for known faults needs more of it.`;
}

/** What checks lack in a short run, one line for those that lack the same. */
function shortnessLines({ tooShort }: RunVerdict, named: (name: DetectorName) => string): string[] {
  const byNeeds = new Map<string, string[]>();
  for (const { name, needs } of tooShort) byNeeds.set(needs, [...(byNeeds.get(needs) ?? []), named(name)]);
  return [...byNeeds].map(([needs, names]) => `too short to judge: ${names.join(', ')} (needs ${needs})`);
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
    ...shortnessLines(verdict, (name) => name),
    ...unjudged.map(({ name, reason }) => `not judged: ${name}: ${reason}`),
  ];
  return [verdictSentence(verdict), ...parts, ...sampleParts(verdict.samples), rest.join('\n')]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** One block for each way in which answers are broken. */
function sampleParts(samples: SampleVerdict | undefined): string[] {
  return (samples?.findings ?? []).map(({ name, severity, sentence, advice }) =>
    [
      `answers: ${name}${severity === 'note' ? ' (a note)' : ''}`,
      `  seen:      ${sentence}`,
      `  change:    ${advice}`,
    ].join('\n'),
  );
}

/** Cards of a report: one for each finding, and one for what was looked for besides. */
export function verdictSections(verdict: RunVerdict): ReportSection[] {
  const { findings, quiet, unjudged, samples } = verdict;
  const sampled = samples && samplesSentence(samples);
  return [
    ...(sampled === undefined ? [] : [samplesSection(samples!, sampled)]),
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
        ...shortnessLines(verdict, titleOf),
        ...unjudged.map(({ name, reason }) => `not judged, ${titleOf(name)}: ${reason}`),
      ],
    },
  ];
}

function samplesSection({ findings }: SampleVerdict, sentence: string): ReportSection {
  return {
    title: 'Answers before and after',
    rows: findings.map(({ sentence: seen, advice }) => [capital(seen), capital(advice)] as const),
    notes: findings.length === 0 ? [sentence] : [],
  };
}

function titleOf(name: DetectorName): string {
  return DETECTORS[name].title;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/**
 * The verdict under a report's title: what was found comes before what was measured, and broken answers before both. A loss or an accuracy does not see
 * them, so none of these is good news beside them.
 */
export function monitoredVerdict(
  verdict: RunVerdict,
  measured: ReportInput['verdict'],
): NonNullable<ReportInput['verdict']> {
  const { samples, findings } = verdict;
  const sentence = verdictSentence(verdict);
  const sampled = samples && samplesSentence(samples);
  const also = [sampled, measured?.text].flatMap((text) => (text === undefined ? [] : [` ${text}`])).join('');
  if (samples !== undefined && hasBroken(samples)) {
    const rest = [...(findings.length === 0 ? [] : [checksSentence(verdict)]), ...(measured ? [measured.text] : [])];
    return { tone: 'bad', text: sampled!, detail: [`What to change: ${adviceOf(samples)}.`, ...rest].join(' ') };
  }
  if (findings.length === 0) {
    if (measured === undefined) return { tone: 'neutral', text: sentence };
    // Where nothing could be judged, or answers have flaws of whatever cause, a loss that fell is no good news yet.
    const isSure = verdict.quiet.length > 0 && (samples?.findings.length ?? 0) === 0;
    return { ...measured, tone: !isSure && measured.tone === 'good' ? 'neutral' : measured.tone, detail: sentence };
  }
  const [first] = findings;
  return {
    tone: 'bad',
    text: checksSentence(verdict),
    detail: `${first!.sentence} What to change: ${first!.advice}.${also}`,
  };
}

function adviceOf({ findings }: SampleVerdict): string {
  const broken = findings.filter(({ severity }) => severity === 'broken');
  return [...new Set(broken.map(({ advice }) => advice))].join('; ');
}
