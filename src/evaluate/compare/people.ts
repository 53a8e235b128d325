import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { badInput, messageOf, type Problem, isObject } from '../../core/index.ts';
import { countVotes, promptText, type Judge, type Verdict } from '../../judge/index.ts';
import { mapConcurrently, NO_USAGE } from '../../ask/index.ts';
import type { Answers } from './answers.ts';
import { keyOf, type Meeting } from './matches.ts';

/** A row for people: which answer is whose is not in it. */
export interface BlindRow {
  readonly id: string;
  readonly prompt: string;
  readonly first: string;
  readonly second: string;
  /** To be filled in: first, second or tie. */
  readonly verdict: '';
}

/** Whether the second contestant's answer is shown first, by chance that nobody can see. */
function isTurned(id: string): boolean {
  return (Number.parseInt(id.slice(0, 2), 16) & 1) === 1;
}

/** The id of a meeting in blind files. The seed stays with the comparison, so that an id says nothing to those who fill in. */
function blindId(meeting: Meeting, seed: string): string {
  const { prompt, ...rest } = meeting;
  return createHash('sha256')
    .update(`${seed}\n${keyOf({ ...rest, prompt: prompt.id })}`)
    .digest('hex')
    .slice(0, 16);
}

/** Meetings as rows to fill in, in an order that says nothing. */
export function blindRows(
  meetings: readonly Meeting[],
  { answers, seed }: { readonly answers: ReadonlyMap<string, Answers>; readonly seed: string },
): BlindRow[] {
  return meetings
    .map((meeting): BlindRow => {
      const id = blindId(meeting, seed);
      const { prompt, a, b } = meeting;
      const text = (name: string): string => answers.get(name)!(prompt.id, meeting.sample)!.text;
      const [first, second] = isTurned(id) ? [text(b), text(a)] : [text(a), text(b)];
      return { id, prompt: promptText(prompt.content), first, second, verdict: '' };
    })
    .toSorted((one, two) => (one.id < two.id ? -1 : 1));
}

const WORDS: Readonly<Record<string, 'first' | 'second' | 'tie'>> = {
  first: 'first',
  '1': 'first',
  second: 'second',
  '2': 'second',
  tie: 'tie',
  '=': 'tie',
  both: 'tie',
};

/**
 * People as judges: one for each annotator (the field `annotator`, else the file's name). Rows without a verdict are left out. Throws bad-input with every row
 * whose id is not of this comparison, or whose verdict is none of first, second, tie.
 */
export function readPeople(
  files: readonly string[],
  { meetings, seed }: { readonly meetings: readonly Meeting[]; readonly seed: string },
): Judge[] {
  const byId = new Map(meetings.map((meeting) => [blindId(meeting, seed), meeting]));
  const votes = new Map<string, Map<string, Verdict>>();
  const problems: Problem[] = [];
  for (const file of files) {
    const fail = (line: number, message: string): void => void problems.push({ file, line, message });
    for (const [i, text] of linesOf(file).entries()) {
      if (text.trim() === '') continue;
      const row = parsed(text);
      if (row === undefined) {
        fail(i + 1, 'must be a JSON object, as the file that was filled in');
        continue;
      }
      const { id, verdict, annotator } = row;
      if (verdict === '' || verdict === undefined || verdict === null) continue;
      const meeting = byId.get(String(id));
      const word = WORDS[String(verdict).trim().toLowerCase()];
      if (meeting === undefined)
        fail(i + 1, `id must be of this comparison, got ${JSON.stringify(id)}; it was made by another one`);
      else if (word === undefined) fail(i + 1, `verdict must be first, second or tie, got ${JSON.stringify(verdict)}`);
      else {
        const name =
          typeof annotator === 'string' && annotator !== '' ? annotator : basename(file).replace(/\.\w+$/, '');
        const own = votes.get(name) ?? new Map<string, Verdict>();
        votes.set(name, own);
        const isFirstA = (word === 'first') !== isTurned(String(id));
        const { prompt, ...rest } = meeting;
        own.set(keyOf({ ...rest, prompt: prompt.id }), word === 'tie' ? 'tie' : isFirstA ? 'a' : 'b');
      }
    }
  }
  if (problems.length > 0) throw badInput(problems);
  if (votes.size === 0)
    throw badInput({
      file: files.join(', '),
      message: 'must hold at least one verdict, got none; fill in the field verdict',
    });
  return [...votes].map(([name, own]) => createPerson(name, own));
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .replace(/^\ufeff/, '')
      .split(/\r?\n/);
  } catch (error) {
    throw badInput({ file, message: `must be readable, got ${messageOf(error)}` });
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Verdicts by the ids of comparisons. */
function createPerson(name: string, verdicts: ReadonlyMap<string, Verdict>): Judge {
  const identity = createHash('sha256')
    .update(JSON.stringify([...verdicts].toSorted()))
    .digest('hex');
  return {
    name,
    identity: JSON.stringify({ kind: 'person', name, verdicts: identity }),
    async compare({ id }) {
      const verdict = verdicts.get(id);
      const head = { judge: name, calls: [], usage: NO_USAGE };
      if (verdict === undefined)
        return { kind: 'none', ...head, reason: 'no-quorum', message: `${name} has not judged it` };
      return { kind: 'verdict', ...head, verdict, confidence: 1, rationale: `${name} says so` };
    },
  };
}

/** Judges and people as one: each that has a verdict has a vote, more than half decide, and one vote is enough. */
export function createJury(judges: readonly Judge[], minAgreement?: number): Judge {
  if (judges.length === 1) return judges[0]!;
  return {
    name: 'jury',
    identity: JSON.stringify({ kind: 'jury', minAgreement, judges: judges.map(({ identity }) => identity) }),
    async compare(comparison, options) {
      const members = await mapConcurrently(
        judges,
        (judge, _, signal) => judge.compare(comparison, { ...options, signal }),
        options,
      );
      const votes = members.filter((member) => member.kind === 'verdict');
      const head = { judge: 'jury', members, calls: members.flatMap(({ calls }) => calls), usage: NO_USAGE };
      if (votes.length === 0) return { kind: 'none', ...head, reason: 'no-quorum', message: 'no judge has a verdict' };
      const decided = countVotes(
        votes.map(({ verdict }) => verdict),
        minAgreement,
      );
      const rationale = votes.map((vote) => `${vote.judge}: ${vote.verdict}. ${vote.rationale}`).join('\n');
      return { kind: 'verdict', ...head, ...decided, rationale };
    },
  };
}
