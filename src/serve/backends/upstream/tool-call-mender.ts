import { randomBytes } from 'node:crypto';
import { isObject, type JsonRecord } from '../../../core/index.ts';
import type { ToolCallDelta } from '../backend.ts';
import { isJsonPrefix } from './json-prefix.ts';

interface OpenCall {
  /** As the server counts, which may be 0 for all. */
  readonly theirs: number;
  readonly id: string;
  name: string;
  arguments: string;
  /** Fields of an upstream that go with its first piece. */
  readonly more: JsonRecord;
  /** Its first piece was given: its name is whole. */
  isGiven: boolean;
  /** Each piece of its arguments says everything again. */
  isRepeating: boolean;
}

/** Servers that send no end of calls. */
const MOST_CALLS = 256;

/**
 * Tool calls of one choice as the contract has them: one index and one id a call, the name with the first piece, arguments as pieces of a JSON text. Mended are: no index, one
 * index for all calls, ids that are missing or new in each piece, names that are repeated, and arguments as an object.
 */
export class ToolCallMender {
  private readonly calls: OpenCall[] = [];
  private readonly onMend: (what: string) => void;

  constructor(onMend: (what: string) => void) {
    this.onMend = onMend;
  }

  get count(): number {
    return this.calls.length;
  }

  /** Whether the arguments of the last call stop in the middle. */
  get isCutOff(): boolean {
    const last = this.calls.at(-1);
    return last !== undefined && last.arguments !== '' && !isJson(last.arguments);
  }

  /** Throws RangeError for what no call can be made of. */
  read(entries: readonly unknown[]): ToolCallDelta[] {
    return entries.flatMap((entry, place) => (isObject(entry) ? this.readOne(entry, place) : []));
  }

  /** What was held back. Calls without arguments get those of none, since an empty text is no JSON, and clients parse it; not where the limit cut them off. */
  finish({ isCut }: { readonly isCut: boolean }): ToolCallDelta[] {
    return this.calls.flatMap((call) => {
      if (call.arguments !== '') return [];
      if (isCut) return call.isGiven ? [] : this.give(call, '', true);
      this.onMend('tool calls with empty arguments');
      return this.give(call, '{}');
    });
  }

  private readOne(entry: JsonRecord, place: number): ToolCallDelta[] {
    const called = isObject(entry['function']) ? entry['function'] : {};
    const name = typeof called['name'] === 'string' ? called['name'] : '';
    const id = typeof entry['id'] === 'string' && entry['id'] !== '' ? entry['id'] : undefined;
    const text = this.textOf(called['arguments']);
    const theirs = this.indexOf(entry, place);
    const known = this.find(theirs, id);
    if (name !== '' && (known === undefined || isAnother(known, id))) {
      if (known !== undefined) this.onMend('tool calls that share an index');
      // Whatever comes behind the begin of another call is none of the ones before.
      const before = this.finish({ isCut: false });
      const { id: _, type: __, index: ___, function: ____, ...more } = entry;
      const call = this.open({ theirs, id, name, more });
      // A place-holder of some servers, in front of the arguments.
      return [...before, ...(text === '' || text === '{}' ? [] : this.give(call, text))];
    }
    if (known === undefined) throw new RangeError('a tool call without a name');
    if (id !== undefined && id !== known.id) this.onMend('tool calls with a new id in each piece');
    if (name !== '' && name !== known.name && !known.isGiven) {
      this.onMend('names of tools in pieces');
      known.name += name;
    }
    return this.give(known, this.newOf(known, text));
  }

  private open({ theirs, id, name, more }: Pick<OpenCall, 'theirs' | 'name' | 'more'> & { id: string | undefined }) {
    if (this.calls.length >= MOST_CALLS) throw new RangeError(`more than ${MOST_CALLS} tool calls`);
    const isTaken = id !== undefined && this.calls.some((call) => call.id === id);
    if (id === undefined) this.onMend('tool calls without an id');
    else if (isTaken) this.onMend('tool calls that share an id');
    const call: OpenCall = {
      theirs,
      id: id === undefined || isTaken ? newId() : id,
      name,
      arguments: '',
      more,
      isGiven: false,
      isRepeating: false,
    };
    this.calls.push(call);
    return call;
  }

  /** A piece of a call; its name comes with the first piece of its arguments, behind which it can grow no more. */
  private give(call: OpenCall, text: string, isEnd = false): ToolCallDelta[] {
    const index = this.calls.indexOf(call);
    call.arguments += text;
    if (call.isGiven) return text === '' ? [] : [{ index, function: { arguments: text } }];
    if (text === '' && !isEnd) return [];
    call.isGiven = true;
    const { id, name, more } = call;
    return [{ ...more, index, id, type: 'function', function: { name, arguments: text } } as ToolCallDelta];
  }

  /** What a piece adds: servers repeat everything that was said, or say it once more at the end. */
  private newOf(call: OpenCall, text: string): string {
    const before = call.arguments;
    if (before === '' || !text.startsWith(before)) return text;
    if (!call.isRepeating && isJsonPrefix(before + text)) return text;
    if (!call.isRepeating) this.onMend('tool calls that repeat their arguments');
    call.isRepeating = true;
    return text.slice(before.length);
  }

  private textOf(value: unknown): string {
    if (typeof value === 'string') return value;
    if (value === undefined || value === null) return '';
    this.onMend('tool calls with arguments that are no text');
    return JSON.stringify(value);
  }

  private indexOf(entry: JsonRecord, place: number): number {
    const index = Number(entry['index'] ?? Number.NaN);
    if (Number.isInteger(index) && index >= 0) return index;
    this.onMend('tool calls without an index');
    // In one piece several calls are told apart by where they stand; a later piece goes on with the last one.
    return place > 0 || this.calls.length === 0 ? place : this.calls.at(-1)!.theirs;
  }

  /** The call that a piece belongs to: by its id, else the last one with its index. */
  private find(theirs: number, id: string | undefined): OpenCall | undefined {
    return (
      this.calls.find((call) => id !== undefined && call.id === id && call.theirs === theirs) ??
      this.calls.findLast((call) => call.theirs === theirs)
    );
  }
}

/** Whether a piece with a name begins another call than the one with its index: by another id, or behind arguments that are whole. */
function isAnother(known: OpenCall, id: string | undefined): boolean {
  if (id !== undefined && id === known.id) return false;
  if (known.arguments === '') return id !== undefined;
  return isJson(known.arguments);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function newId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}
