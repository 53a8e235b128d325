import type { TokenisationReport } from '../tokens/tokenisation-report.ts';
import type { TextUse } from './text-turns.ts';

/** Of what became of texts, in sentences behind `N of M rows`. */
const SENTENCES: Readonly<Record<Exclude<TextUse, 'plain'>, string>> = {
  turns: "are a user's question and an assistant's answer in the chat template (--text-rows raw: as they stand)",
  rendered: 'stay as they stand: the chat template wrote them already',
  marked: 'stay as they stand: they hold marks of a chat template, or what asks for the answer, already',
  'no-question': 'stay as they stand: they have no prompt, or only the start that both answers share',
  raw: 'stay as they stand, without the chat template (--text-rows chat: through it)',
  trl: "stay as they stand, without the chat template, as TRL's trainer has it (--compat)",
  'no-template': 'stay as they stand: the model has no chat template',
};

/** Of rows that are an exception among others so many are named. */
const NAMED_ROWS = 5;
const EXCEPTIONS: ReadonlySet<string> = new Set<TextUse>(['rendered', 'marked', 'no-question']);

type Counted = Pick<TokenisationReport, 'rows' | 'kept' | 'texts' | 'answersTrimmed'>;

/** How the rows of a data set that are texts become tokens, a sentence each; none where all rows are conversations, or texts without prompt. */
export function textLines({ rows, texts, answersTrimmed }: Counted): string[] {
  const lines = (Object.keys(SENTENCES) as (keyof typeof SENTENCES)[]).flatMap((use) => {
    const found = texts[use];
    if (found === undefined) return [];
    const named = found.rows.slice(0, NAMED_ROWS).join(', ') + (found.count > NAMED_ROWS ? ', ...' : '');
    const which = EXCEPTIONS.has(use) && found.count < rows ? ` (${found.count === 1 ? 'row' : 'rows'} ${named})` : '';
    return [`${found.count.toLocaleString('en-US')} of ${rows.toLocaleString('en-US')} rows${which} ${SENTENCES[use]}`];
  });
  if (answersTrimmed.count === 0) return lines;
  return [
    ...lines,
    `white space at the ends of answers is left out in ${answersTrimmed.count.toLocaleString('en-US')}: the template sets its own`,
  ];
}

/**
 * How a model that is trained on these rows is to be asked, so that it meets what it was trained on: `chat`, through its template, or `raw`, with texts as
 * they stand; by what most rows are. Undefined where the rows are texts without prompt, which say nothing of it.
 */
export function askedAs({ kept, texts }: Counted): 'chat' | 'raw' | undefined {
  const count = (...uses: readonly TextUse[]): number => uses.reduce((sum, use) => sum + (texts[use]?.count ?? 0), 0);
  const asTheyStand = count('marked', 'no-question', 'raw', 'trl', 'no-template');
  const inTemplate = kept - asTheyStand - count('plain');
  if (asTheyStand > inTemplate) return 'raw';
  return inTemplate > 0 ? 'chat' : undefined;
}
