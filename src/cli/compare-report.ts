import { join } from 'node:path';
import {
  renderComparePage,
  type Answers,
  type ComparedSample,
  type Contestant,
  type ContestantMatch,
  type Measured,
  type NotMeasured,
  type RunStory,
  type Standings,
} from '../evaluate/index.ts';
import type { Prompt } from '../generate/index.ts';
import { promptText, type Judge } from '../judge/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import { shellCommand, type JsonObject } from '../core/index.ts';
import type { CommandContext } from './frame/command.ts';
import { optionWords, type OptionSchema } from '../options/index.ts';
import { versions } from './training/recipe-context.ts';

type ValueParts = Pick<
  ReportParts,
  'contestants' | 'judges' | 'prompts' | 'standings' | 'measured' | 'notMeasured' | 'stories'
>;

/** comparison.json. */
export function valueOf({
  contestants,
  judges,
  prompts,
  standings,
  measured,
  notMeasured,
  stories,
}: ValueParts): JsonObject {
  const runs = stories.map(({ name, folder, verdict }) => ({ name, folder, verdict }));
  return JSON.parse(
    JSON.stringify({
      contestants,
      judges: judges.map(({ name }) => name),
      prompts: prompts.length,
      ...standings,
      ...(measured.length > 0 && { measured }),
      ...(notMeasured.length > 0 && { notMeasured }),
      ...(runs.length > 0 && { runs }),
    }),
  ) as JsonObject;
}

const SHOWN_SAMPLES = 12;

/** Everything that a comparison came to. */
export interface ReportParts {
  readonly options: { readonly samples: number; readonly prompts: string };
  /** Of the command's options, which the page shows as they were typed. */
  readonly schema: OptionSchema;
  readonly context: CommandContext;
  readonly contestants: readonly Contestant[];
  readonly prompts: readonly Prompt[];
  readonly answers: ReadonlyMap<string, Answers>;
  readonly matches: readonly ContestantMatch[];
  readonly standings: Standings;
  readonly judges: readonly Judge[];
  readonly measured: readonly Measured[];
  readonly notMeasured: readonly NotMeasured[];
  readonly stories: readonly RunStory[];
}

/** Writes report.html. */
export function writeReport(output: string, parts: Omit<ReportParts, 'notMeasured'>): void {
  const { options, schema, context, contestants, prompts, answers, standings, judges, measured, stories } = parts;
  const { samples, prompts: source } = options;
  const texts = Object.fromEntries(
    contestants.map(({ name }) => [
      name,
      prompts.flatMap(({ id }) => Array.from({ length: samples }, (_, sample) => answers.get(name)!(id, sample)!.text)),
    ]),
  );
  const html = renderComparePage({
    title: contestants.map(({ name }) => name).join(' against '),
    subtitle: `${prompts.length} prompts of ${source}, judged by ${judges.map(({ name }) => name).join(', ')}`,
    standings,
    texts,
    samples: samplesOf(parts),
    judges: judges.map(({ name }) => name),
    measured,
    stories,
    prompts: { source, count: prompts.length },
    configuration: JSON.parse(JSON.stringify({ contestants, ...context.given })) as JsonObject,
    command: commandOf(context, schema),
    footer: Object.entries(versions())
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  });
  writeFileAtomic(join(output, 'report.html'), html);
}

/** Prompts of each outcome in turn, so that the page shows losses too. */
function samplesOf({ prompts, answers, matches, standings }: Omit<ReportParts, 'notMeasured'>): ComparedSample[] {
  const { model, baseline } = standings.pairs[0]!;
  const own = matches.filter(({ a, b, sample }) => a === baseline && b === model && sample === 0);
  const kinds = (['b', 'a', 'tie', null] as const).map((verdict) => own.filter((match) => match.verdict === verdict));
  const chosen: ContestantMatch[] = [];
  for (let i = 0; chosen.length < Math.min(SHOWN_SAMPLES, own.length); i++)
    for (const kind of kinds) if (kind[i] !== undefined && chosen.length < SHOWN_SAMPLES) chosen.push(kind[i]!);
  const contentOf = new Map(prompts.map(({ id, content }) => [id, content]));
  return chosen.map(({ prompt, sample, verdict, rationale, reason }): ComparedSample => {
    const winner =
      verdict === null ? 'no verdict' : verdict === 'tie' ? 'a tie' : `${verdict === 'b' ? model : baseline} is better`;
    return {
      prompt: promptText(contentOf.get(prompt)!),
      baseline: answers.get(baseline)!(prompt, sample)!.text,
      model: answers.get(model)!(prompt, sample)!.text,
      verdict: `${winner}: ${rationale ?? reason ?? ''}`,
    };
  });
}

/** The command, as it can be typed again; with other options than those that were given, where they are named. */
export function commandOf({ args, given }: Pick<CommandContext, 'args' | 'given'>, schema: OptionSchema): string {
  return shellCommand(['compare', ...args, ...optionWords(schema, given)]);
}
