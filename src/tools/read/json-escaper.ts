/** Writes a text that comes in pieces as the inside of a string of JSON. */
export interface JsonEscaper {
  push(text: string): string;
  /** What was held back: the first half of a pair of surrogates. */
  end(): string;
}

/** Put together, the pieces are `JSON.stringify` of the whole text without its quotes. */
export function createJsonEscaper(): JsonEscaper {
  let held = '';
  return {
    push(text) {
      const whole = held + text;
      const last = whole.charCodeAt(whole.length - 1);
      const isHalf = last >= 0xd800 && last <= 0xdbff;
      held = isHalf ? whole.slice(-1) : '';
      return escaped(isHalf ? whole.slice(0, -1) : whole);
    },
    end() {
      const rest = escaped(held);
      held = '';
      return rest;
    },
  };
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
