/** An event of a stream: its data, lines joined by line feeds, and its name where it has one. */
export interface ServerEvent {
  readonly name: string | undefined;
  readonly data: string;
}

/**
 * Reads server-sent events as they come: any line end, comments, `data:` with and without a blank, data of several lines, letters that are split between chunks. Beyond
 * the standard, events need no empty line between them where each is an object of its own, and the last needs none behind it: servers leave them out.
 *
 * Source: HTML Standard, section 9.2.6 (parsing an event stream).
 */
export class EventReader {
  private readonly decoder = new TextDecoder();
  private readonly maxEventLength: number;
  private text = '';
  private data: string | undefined;
  private name: string | undefined;
  private endsWithReturn = false;

  /** `maxEventLength` in UTF-16 units. */
  constructor({ maxEventLength }: { readonly maxEventLength: number }) {
    this.maxEventLength = maxEventLength;
  }

  /** The events that are whole with this chunk. Throws RangeError for one that is too long. */
  push(chunk: Uint8Array): ServerEvent[] {
    return this.read(this.decoder.decode(chunk, { stream: true }), false);
  }

  /** What was begun when the stream ended. */
  finish(): ServerEvent[] {
    const events = this.read(this.decoder.decode(), true);
    const last = this.take();
    return last === undefined ? events : [...events, last];
  }

  private read(added: string, isEnd: boolean): ServerEvent[] {
    // A line feed behind a return that ended the last chunk belongs to it.
    const fresh = this.endsWithReturn && added.startsWith('\n') ? added.slice(1) : added;
    if (added !== '') this.endsWithReturn = added.endsWith('\r');
    const text = this.text + fresh;
    const events: ServerEvent[] = [];
    let start = 0;
    const end = /\r\n|\n|\r/g;
    // What was there before has no line end.
    end.lastIndex = this.text.length;
    for (let match = end.exec(text); match !== null; match = end.exec(text)) {
      this.line(text.slice(start, match.index), events);
      start = end.lastIndex;
    }
    this.text = text.slice(start);
    if (isEnd && this.text !== '') {
      this.line(this.text, events);
      this.text = '';
    }
    if (this.text.length + (this.data?.length ?? 0) > this.maxEventLength)
      throw new RangeError(`an event had more than ${this.maxEventLength} characters`);
    return events;
  }

  private line(line: string, events: ServerEvent[]): void {
    if (line === '') {
      const event = this.take();
      if (event !== undefined) events.push(event);
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') this.name = value;
    if (field !== 'data') return;
    if (this.data !== undefined && isWhole(this.data) && (value.startsWith('{') || value === '[DONE]'))
      events.push(this.take()!);
    this.data = this.data === undefined ? value : `${this.data}\n${value}`;
    if (this.data.length > this.maxEventLength)
      throw new RangeError(`an event had more than ${this.maxEventLength} characters`);
  }

  private take(): ServerEvent | undefined {
    const { data, name } = this;
    this.data = undefined;
    this.name = undefined;
    return data === undefined ? undefined : { name, data };
  }
}

/** An object whose last line can have no other object behind it. */
function isWhole(data: string): boolean {
  return data.startsWith('{') && data.endsWith('}');
}
