import { has, isObject, type JsonRecord } from '../../core/index.ts';

/** A record under the names that formats know. */
export interface Respelled {
  readonly record: JsonRecord;
  /** What the record itself calls the fields that have other names here: `{ chosen: 'chosen_response' }`. */
  readonly names: Readonly<Record<string, string>>;
}

/** One way in which tools spell a shape that a format reads. */
interface Spelling {
  /** What has it; for the documentation and whoever changes this list. */
  readonly of: string;
  /** The fields under their known names, or undefined where the record is spelled otherwise. */
  read(record: JsonRecord): Renaming | undefined;
}

/** New name to old one; `values` where more than the name differs. */
interface Renaming {
  readonly names: Readonly<Record<string, string>>;
  readonly values?: JsonRecord;
}

/** Two sides under names of their own, the better one first. */
const SIDES = [
  ['chosen_response', 'rejected_response'],
  ['response_chosen', 'response_rejected'],
  ['chosen_answer', 'rejected_answer'],
  ['answer_chosen', 'answer_rejected'],
  ['chosen_completion', 'rejected_completion'],
  ['chosen_output', 'rejected_output'],
  ['preferred', 'dispreferred'],
  ['preferred_response', 'dispreferred_response'],
  ['preferred_output', 'dispreferred_output'],
  ['response', 'rejected_response'],
  ['response_j', 'response_k'],
] as const;

const QUESTIONS = ['question', 'query', 'input', 'prompt'] as const;
const ANSWERS = ['completion', 'response', 'generation', 'answer'] as const;
const EARLIER = ['system', 'system_prompt', 'system_message', 'history'] as const;

/** Names that formats read; others keep their capitals. */
const LOWERED = new Set([
  'prompt',
  'chosen',
  'rejected',
  'completion',
  'label',
  'messages',
  'conversations',
  'tools',
  'system',
  'instruction',
  'input',
  'output',
  'question',
  'query',
  'response',
  'answer',
  'text',
  'history',
]);

const SPELLINGS: readonly Spelling[] = [
  {
    of: 'capitals: Prompt, CHOSEN',
    read(record) {
      const names = Object.keys(record).flatMap((name) => {
        const lower = name.toLowerCase();
        return lower !== name && LOWERED.has(lower) && !has(record, lower) ? [[lower, name] as const] : [];
      });
      return names.length === 0 ? undefined : { names: Object.fromEntries(names) };
    },
  },
  {
    of: "axolotl's chosen_response and rejected_response, ms-swift's response and rejected_response, StackExchange's response_j and response_k",
    read(record) {
      if (has(record, 'chosen') || has(record, 'rejected') || has(record, 'messages')) return undefined;
      const sides = SIDES.find((names) => names.every((name) => has(record, name)));
      return sides && { names: { chosen: sides[0], rejected: sides[1] } };
    },
  },
  {
    of: "axolotl's chat_template.default: messages up to the question, chosen and rejected are the answer's turn",
    read(record) {
      if (has(record, 'prompt') || !Array.isArray(record['messages'])) return undefined;
      const sides = [record['chosen'], record['rejected']].map(answerTurns);
      if (sides.includes(undefined)) return undefined;
      return { names: { prompt: 'messages' }, values: { chosen: sides[0], rejected: sides[1] } };
    },
  },
  {
    of: "distilabel's pairs: an instruction, and both conversations as turns",
    read: (record) =>
      !has(record, 'prompt') &&
      has(record, 'instruction') &&
      [record['chosen'], record['rejected']].every(Array.isArray)
        ? { names: { prompt: 'instruction' } }
        : undefined,
  },
  {
    of: "distilabel's conversation, and ms-swift's and Capybara's exchanges in it",
    read(record) {
      const turns = record['conversation'];
      if (['conversations', 'messages', 'chosen', 'rejected'].some((name) => has(record, name))) return undefined;
      if (typeof turns === 'string') return { names: { conversations: 'conversation' } };
      if (!Array.isArray(turns) || turns.length === 0) return undefined;
      if (turns.every((turn) => isObject(turn) && ('role' in turn || 'from' in turn)))
        return { names: { conversations: 'conversation' } };
      const exchanges = turns.map(exchangeOf);
      if (exchanges.includes(undefined)) return undefined;
      return { names: { conversations: 'conversation' }, values: { conversations: exchanges.flat() } };
    },
  },
  {
    of: "axolotl's and distilabel's unpaired answers: a question or an instruction, a completion and its label",
    read(record) {
      if (!has(record, 'completion') || !(has(record, 'label') || has(record, 'kto_tag'))) return undefined;
      if (typeof record['completion'] !== 'string' || has(record, 'output')) return undefined;
      if (has(record, 'instruction')) return { names: { output: 'completion' } };
      const isPreceded = EARLIER.some((name) => isFilled(record[name]));
      const asked = QUESTIONS.find(
        (name) => typeof record[name] === 'string' && (name === 'prompt' ? isPreceded : !has(record, 'prompt')),
      );
      return asked && { names: { instruction: asked, output: 'completion' } };
    },
  },
  {
    of: "Dolly's context beside instruction and response",
    read: (record) =>
      has(record, 'instruction') && has(record, 'response') && has(record, 'context') && !has(record, 'input')
        ? { names: { input: 'context' } }
        : undefined,
  },
  {
    of: "instructions whose output has another name: GPTeacher's response, distilabel's generation",
    read(record) {
      if (typeof record['instruction'] !== 'string') return undefined;
      if (['output', 'chosen', 'rejected', 'completions', 'messages'].some((name) => has(record, name)))
        return undefined;
      const given = ANSWERS.filter((name) => typeof record[name] === 'string');
      return given.length === 1 ? { names: { output: given[0]! } } : undefined;
    },
  },
];

/**
 * A record as formats know it, where another tool spells the same shape with other names: every spelling that applies, one after the other. What no
 * spelling knows comes back as it is. Cost: nothing for records whose names say that none applies.
 */
export function respelled(record: JsonRecord): Respelled {
  let names: Record<string, string> | undefined;
  let current = record;
  if (!mayBeRespelled(record)) return { record, names: NONE };
  for (const spelling of SPELLINGS) {
    const found = spelling.read(current);
    if (found === undefined) continue;
    const before = current;
    const old = new Set(Object.values(found.names));
    const kept = Object.entries(before).filter(([name]) => !old.has(name));
    const moved = Object.entries(found.names).map(([name, from]) => [name, before[from]] as const);
    current = Object.fromEntries([...kept, ...moved, ...Object.entries(found.values ?? {})]);
    const earlier: Readonly<Record<string, string>> = names ?? NONE;
    names = { ...earlier };
    for (const [name, from] of Object.entries(found.names)) names[name] = earlier[from] ?? from;
  }
  return { record: current, names: names ?? NONE };
}

const NONE: Readonly<Record<string, string>> = {};

/** Without one of these, and without capitals, no spelling applies. Most records have neither, and there are millions of them. */
const MARKS = new Set<string>(
  SIDES.flatMap((sides): readonly string[] => sides).concat(
    'messages',
    'instruction',
    'conversation',
    'label',
    'kto_tag',
  ),
);

function mayBeRespelled(record: JsonRecord): boolean {
  for (const name of Object.keys(record)) {
    const first = name.charCodeAt(0);
    if ((first >= 65 && first <= 90) || MARKS.has(name)) return true;
  }
  return false;
}

/** The fields that a sentence begins with: `chosen and rejected must differ`. Further on the same words are English. */
const SUBJECT = /^\w+(?:(?:, | and )\w+)*/;

/** A path or message of a problem in the record's own names. */
export function inOwnNames(text: string, names: Respelled['names']): string {
  if (names === NONE) return text;
  return text.replace(SUBJECT, (subject) =>
    subject.replaceAll(/\w+/g, (word) => (Object.hasOwn(names, word) ? names[word]! : word)),
  );
}

/** One assistant's turn, or turns that begin with one; undefined for anything else. */
function answerTurns(value: unknown): readonly unknown[] | undefined {
  const turns: readonly unknown[] = Array.isArray(value) ? value : [value];
  const [first] = turns;
  return isObject(first) && first['role'] === 'assistant' ? turns : undefined;
}

/** An exchange of ms-swift (human, assistant) or Capybara (input, output). */
function exchangeOf(value: unknown): readonly JsonRecord[] | undefined {
  if (!isObject(value)) return undefined;
  const [asked, answered] = has(value, 'human')
    ? [value['human'], value['assistant']]
    : [value['input'], value['output']];
  if (typeof asked !== 'string' || typeof answered !== 'string') return undefined;
  return [
    { from: 'human', value: asked },
    { from: 'gpt', value: answered },
  ];
}

function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);
}
