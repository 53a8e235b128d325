import { dropCause, type DropReason, type TokenisationReport } from '../data/index.ts';
import { monitoredVerdict, verdictSections, type RunVerdict } from '../monitor/index.ts';
import { trainingDataText, type TrainingDataCheck } from '../reliability/index.ts';
import { renderReport, type ReportSample, type ReportSection } from '../report/index.ts';
import { BEST_METRICS, readMetrics, type RunFolder, type RunRecord } from '../store/index.ts';
import type { RecipeResult } from './context.ts';
import { accuracyIntervalText, heldOutDoubts } from './held-out-text.ts';
import type { Metrics } from './loop/metrics.ts';

/** What report.html shows besides what the run's folder holds. */
export interface ReportParts {
  readonly data: readonly ReportSection[];
  readonly samples?: readonly ReportSample[];
  readonly samplesNote?: string | undefined;
  readonly verdict: RunVerdict;
  /** Which step the artefact holds, and which was best. */
  readonly ended: Pick<RecipeResult, 'outcome' | 'artefactEvaluation' | 'choice'>;
}

/** The run that is reported. */
export interface ReportedRun {
  readonly output: string;
  readonly folder: RunFolder;
  readonly record: RunRecord;
  readonly versions: Readonly<Record<string, string>>;
  readonly evaluations: readonly Metrics[];
}

/** Writes report.html into a run's folder, complete or not at all. */
export function writeReport(
  { output, folder, record, versions, evaluations }: ReportedRun,
  { data, samples, samplesNote, verdict: monitored, ended }: ReportParts,
): void {
  const html = renderReport({
    title: `Run ${output}`,
    subtitle: `${String(record.specification['recipe'])} of ${String(record.specification['model'])}`,
    metrics: readMetrics(folder.file('metrics.jsonl')),
    configuration: record.specification,
    data,
    verdict: monitoredVerdict(monitored, verdict(evaluations, ended.artefactEvaluation)),
    checks: [...endSections(ended), ...verdictSections(monitored)],
    ...(samples === undefined ? {} : { samples }),
    ...(samplesNote === undefined ? {} : { samplesNote }),
    footer: Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  });
  folder.write('report.html', html);
}

/** One sentence on the held-out rows: what was measured, not whether the model is better. */
function verdict(
  evaluations: readonly Metrics[],
  ofArtefact = evaluations.at(-1),
): { tone: 'good' | 'neutral' | 'bad'; text: string } | undefined {
  const [first, last] = [evaluations[0], ofArtefact];
  if (first === undefined || last === undefined || evaluations.length < 2) return undefined;
  const accuracy = last['rewards/accuracies'];
  const fell = last['loss']! < first['loss']!;
  const loss = `loss went from ${first['loss']!.toFixed(4)} to ${last['loss']!.toFixed(4)}`;
  if (accuracy === undefined) return { tone: fell ? 'good' : 'bad', text: `The held-out ${loss}.` };
  const interval = accuracyIntervalText(last);
  const doubts = heldOutDoubts(first, last).map((doubt) => ` ${doubt[0]!.toUpperCase()}${doubt.slice(1)}.`);
  const text = `On held-out pairs the model prefers the chosen answer in ${(100 * accuracy).toFixed(1)} %${interval === undefined ? '' : ` (${interval})`}, with a reward margin of ${last['rewards/margins']!.toFixed(3)}; the ${loss}.${doubts.join('')}`;
  return { tone: !fell ? 'bad' : doubts.length > 0 ? 'neutral' : 'good', text };
}

/** What was found in the rows before training, as a card. */
export function checkSections(check: TrainingDataCheck | undefined): ReportSection[] {
  if (check === undefined) return [];
  const notes = check.findings.map((finding) => trainingDataText(finding, check));
  const whole = notes.length > 0 ? notes : ['nothing that bears on this run'];
  return [{ title: 'What was found in the rows (preftune data check says more)', rows: [], notes: whole }];
}

/** Which step the artefact holds, and which was best on the held-out rows. */
function endSections({ outcome, choice }: ReportParts['ended']): ReportSection[] {
  if (outcome === undefined) return [];
  const { step, totalSteps, isComplete, isEarly, artefact, best } = outcome;
  const end = isEarly ? ', ended early' : isComplete ? '' : ', stopped; --resume goes on';
  return [
    {
      title: 'Which step',
      rows: [
        ['steps taken', `${step} of ${totalSteps}${end}`],
        [artefact.folder, `step ${artefact.step}, the ${artefact.choice}`],
        ...(best === undefined
          ? []
          : [
              [
                `best ${BEST_METRICS[best.metric].title}`,
                `${Number(best.value.toPrecision(4))}, step ${best.step}`,
              ] as const,
            ]),
      ],
      ...(choice !== undefined && { notes: [`${choice.slice(0, 1).toUpperCase()}${choice.slice(1)}.`] }),
    },
  ];
}

/** The tokenisation proof as cards of the report. `printedTime` is what the chat template made of the time, where it prints it. */
export function tokenisationSections(
  reports: Readonly<Record<string, TokenisationReport>>,
  printedTime: string | undefined,
): ReportSection[] {
  return Object.entries(reports).map(([name, report]) => ({
    title: `Tokens of ${name}`,
    rows: [
      ['rows', report.rows],
      ['kept', report.kept],
      [
        'dropped',
        Object.entries(report.dropped)
          .map(([reason, { count }]) => `${count}: ${dropCause(reason as DropReason, report.limits).cause}`)
          .join('; ') || 'none',
      ],
      ['rows with text of an answer left out by the template', report.lost.template?.count ?? 0],
      ['rows whose own texts hold control tokens', report.controlTokens.count],
      [
        'answers cut',
        Object.entries(report.truncated)
          .map(([side, { count }]) => `${side} ${count}`)
          .join(', ') || 'none',
      ],
      ['prompts that lost their start', report.promptCut.count],
      ['pairs whose prompt tokens differ', report.promptTokensDiffer.count],
      ['rows without a stop token', report.noStopToken.count],
      ['longest row, tokens', report.longest?.tokens ?? 0],
      ...(printedTime === undefined ? [] : [['time in the chat template', printedTime] as [string, string]]),
    ],
  }));
}
