import { hashString } from '../core/index.ts';

/** The ids of the calls of one conversation, as its template takes them. */
export interface CallIds {
  /** The id that stands for a call's own; a new one where it has none. */
  callOf(id: string | undefined, name: string): string;
  /** The call of that id, or the first without a result where no id is given; undefined where there is none. */
  resultOf(id: string | undefined): { readonly id: string; readonly name: string } | undefined;
}

/** With `areShort` ids are nine letters and digits, which Mistral's templates demand: the same for the same id, and no two alike in a conversation. */
export function createCallIds(areShort: boolean): CallIds {
  const calls = new Map<string, { readonly id: string; readonly name: string }>();
  const waiting: string[] = [];
  const used = new Set<string>();
  const shortOf = (id: string): string => {
    if (/^[A-Za-z0-9]{9}$/.test(id) && !used.has(id)) return id;
    for (let attempt = 0; ; attempt++) {
      const short = nineOf(`${attempt}:${id}`);
      if (!used.has(short)) return short;
    }
  };
  return {
    callOf(given, name) {
      const own = given ?? `call_${calls.size}`;
      const known = calls.get(own);
      // Clients that count their calls anew in each turn use an id again.
      const id = known?.id ?? (areShort ? shortOf(own) : own);
      used.add(id);
      calls.set(own, { id, name });
      waiting.push(own);
      return id;
    },
    resultOf(given) {
      const own = given ?? waiting[0];
      if (own === undefined) return undefined;
      const place = waiting.indexOf(own);
      if (place !== -1) waiting.splice(place, 1);
      return calls.get(own);
    },
  };
}

/** Nine digits of base 36 that a text decides. */
function nineOf(text: string): string {
  const digits = [hashString(text), hashString(`${text}#`)].map((hash) => (hash >>> 0).toString(36).padStart(7, '0'));
  return digits.join('').slice(-9);
}
