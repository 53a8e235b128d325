import { isObject, type JsonRecord } from '../../../core/index.ts';
import type { FinishReason, TokenUsage } from '../backend.ts';
import { AnswerError } from './answer-error.ts';
import { readFinish } from './finish-reason.ts';
import { addedUsage, readUsage, sharedPrompt } from './usage.ts';

export interface Wanted {
  /** How many choices were asked for. */
  readonly choices: number;
  readonly hasLogprobs: boolean;
  /** Alternatives a token. */
  readonly topLogprobs: number;
  /** Answers must call a tool. */
  readonly needsCall: boolean;
  /** Usage comes once for each choice, and must be added up: so many choices share a prompt. */
  readonly choicesPerUsage: number | undefined;
  /** The longest answer that was asked for. */
  readonly maxTokens: number | undefined;
}

export interface MenderOptions {
  readonly wanted: Wanted;
  readonly onMend: (what: string) => void;
}

/** Makes pieces of the contract out of what a server sends. Throws AnswerError for what cannot be mended. */
export interface Mender<Piece> {
  /** A piece of a stream; undefined where nothing in it is new. */
  chunk(body: JsonRecord): Piece | undefined;
  /** A whole answer. */
  whole(body: JsonRecord): Piece;
  /** Every choice that was asked for has its reason to end. */
  readonly isFinished: boolean;
  /** The last piece: why each choice ended, and usage. `isDone`: the server said that it was the end. */
  end(isDone: boolean): Piece;
}

/** What is known of every choice, whatever the route. */
export interface ChoiceState {
  hasText: boolean;
  hasLogprobs: boolean;
  finish: { readonly reason: FinishReason; readonly raw?: string } | undefined;
  /** Fields of choices that came with nothing else. */
  more: JsonRecord;
}

export interface GivenChoice<State> {
  readonly index: number;
  readonly state: State;
  /** The answer came as a whole. */
  readonly isWhole: boolean;
  /** Fields that have no meaning here, with those that waited. */
  readonly more: JsonRecord;
}

/** What is different in the two routes. */
interface MenderParts<State extends ChoiceState, Choice> {
  /** Fields of a choice that have a meaning. */
  readonly known: ReadonlySet<string>;
  newState(): State;
  /** What is new of a choice; undefined where nothing is. */
  read(choice: JsonRecord, given: GivenChoice<State>): Choice | undefined;
  /** The last of a choice. */
  end(state: State, given: { readonly index: number; readonly usage: TokenUsage | undefined }): Choice;
  /** A whole choice and its end, as one. */
  merge(choice: Choice, end: Choice): Choice;
}

/** Fields that are the answer's own, or that the server makes anew. */
const HEAD = new Set(['id', 'object', 'created', 'model', 'choices', 'usage', 'system_fingerprint']);

/** A choice of which nothing has come. */
export function newChoiceState(): ChoiceState {
  return { hasText: false, hasLogprobs: false, finish: undefined, more: {} };
}

/** The frame of both menders: choices by their numbers, fields that travel along, reasons to end, usage, and what an end must have. */
export function createMender<
  State extends ChoiceState,
  Choice extends { readonly index: number },
  Piece extends { readonly choices: readonly Choice[] },
>({ wanted, onMend }: MenderOptions, parts: MenderParts<State, Choice>): Mender<Piece> {
  const states = new Map<number, State>();
  let usage: TokenUsage | undefined;
  let usages = 0;
  let fingerprint: string | undefined;
  /** Fields of the answer that wait for a piece to travel with. */
  let more: JsonRecord = {};

  const stateAt = (index: number): State => {
    const known = states.get(index);
    if (known !== undefined) return known;
    if (states.size >= wanted.choices) throw new AnswerError(`choice ${index}, where ${wanted.choices} were asked for`);
    const state = parts.newState();
    states.set(index, state);
    return state;
  };

  /** Reasons to end are kept for the end, since some servers send more behind them. */
  const readChoice = (choice: JsonRecord, index: number, isWhole: boolean): readonly Choice[] => {
    const state = stateAt(index);
    const raw = choice['finish_reason'];
    if (typeof raw === 'string' && raw !== '') {
      if (state.finish !== undefined) onMend('choices that end twice');
      state.finish = readFinish(raw, onMend);
    }
    const fields = { ...state.more, ...fieldsBeside(choice, parts.known) };
    const found = parts.read(choice, { index, state, isWhole, more: fields });
    state.more = found === undefined ? fields : {};
    return found === undefined ? [] : [found];
  };

  const readHead = (body: JsonRecord): void => {
    if (typeof body['system_fingerprint'] === 'string') fingerprint = body['system_fingerprint'];
    const found = readUsage(body['usage'], onMend);
    if (found !== undefined) {
      usage = wanted.choicesPerUsage === undefined || usage === undefined ? found : addedUsage(usage, found);
      usages++;
    }
    const fields = fieldsBeside(body, HEAD);
    if (Object.keys(fields).length > 0) more = { ...more, ...fields };
  };

  const pieceOf = (choices: readonly Choice[]): Piece => {
    const fields = more;
    more = {};
    return { ...fields, choices, ...(fingerprint !== undefined && { system_fingerprint: fingerprint }) } as Piece;
  };

  const endOf = (index: number, state: State, isDone: boolean): Choice => {
    if (state.finish === undefined) {
      if (!isDone) throw new AnswerError('no reason for the end', { isTorn: true });
      onMend('choices without finish_reason');
    }
    if (wanted.hasLogprobs && state.hasText && !state.hasLogprobs)
      throw new AnswerError('no log-probabilities, which were asked for');
    return { ...state.more, ...parts.end(state, { index, usage }) };
  };

  const end = (isDone: boolean): Piece => {
    if (states.size < wanted.choices)
      throw new AnswerError(`${states.size} of ${wanted.choices} choices`, { isTorn: !isDone });
    const choices = [...states].toSorted(([a], [b]) => a - b).map(([index, state]) => endOf(index, state, isDone));
    if (usage === undefined) onMend('answers without usage');
    else if (usages > 1) onMend('usage in several chunks');
    return { ...pieceOf(choices), ...(usage !== undefined && { usage: sharedPrompt(usage, wanted) }) };
  };

  return {
    chunk: (body) => {
      readHead(body);
      const choices = listOfChoices(body).flatMap((choice) => readChoice(choice, indexOf(choice), false));
      return choices.length === 0 ? undefined : pieceOf(choices);
    },
    whole: (body) => {
      readHead(body);
      const list = listOfChoices(body);
      if (list.length === 0) throw new AnswerError('an answer without choices');
      const areNumbered = new Set(list.map(indexOf)).size === list.length;
      if (!areNumbered) onMend('choices that share an index');
      const choices = list.flatMap((choice, place) => readChoice(choice, areNumbered ? indexOf(choice) : place, true));
      const last = end(true);
      const merged = last.choices.map((one) => {
        const choice = choices.find(({ index }) => index === one.index);
        return choice === undefined ? one : parts.merge(choice, one);
      });
      return { ...last, choices: merged };
    },
    get isFinished() {
      return states.size >= wanted.choices && [...states.values()].every(({ finish }) => finish !== undefined);
    },
    end,
  };
}

function listOfChoices(body: JsonRecord): JsonRecord[] {
  const { choices } = body;
  if (choices === undefined || choices === null) return [];
  if (!Array.isArray(choices)) throw new AnswerError('choices that are no list');
  return choices.filter(isObject);
}

function indexOf(choice: JsonRecord): number {
  const index = Number(choice['index'] ?? 0);
  return Number.isInteger(index) && index >= 0 ? index : 0;
}

/** Fields without a name among `known`, and with a value; without those that servers add to find their own faults (`__verbose` holds the whole prompt). */
function fieldsBeside(record: JsonRecord, known: ReadonlySet<string>): JsonRecord {
  const fields: Record<string, unknown> = {};
  for (const name in record)
    if (!known.has(name) && record[name] !== null && !name.startsWith('__')) fields[name] = record[name];
  return fields;
}
