import { exactNumber, isObject, parseExactJson } from '../../core/index.ts';
import { conversationIn } from '../reading/written-out.ts';
/** Columns that hold numbers or truth values in every format that has them; all others hold text. */
const TYPED_COLUMN = /^(label|labels|weight|margin|rank|turn|tstamp)$|(^|[_.\s-])(score|rating|rank)([_.\s-]|s?$)/i;
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
const TRUTH = /^(true|false)$/i;

/**
 * The value of a cell. A cell without a character and without quotes is absent (null), as in PostgreSQL's CSV; a list or object
 * of JSON that holds turns (objects with role or from) or tools is that list, because tables have no other place for a
 * conversation; numbers and truth values are read in columns whose names promise them (label, weight, margin, rank, score,
 * rating). Everything else is text as it stands: "007" stays "007".
 */
export function cellValue(column: string, text: string, isQuoted: boolean): unknown {
  return createCellReader(column)(text, isQuoted);
}

/** cellValue for every cell of one column. */
export function createCellReader(column: string): (text: string, isQuoted: boolean) => unknown {
  const isTyped = TYPED_COLUMN.test(column);
  return (text, isQuoted) => {
    if (text === '') return isQuoted ? '' : null;
    if (isTyped && NUMBER.test(text)) return exactNumber(text);
    if (isTyped && TRUTH.test(text)) return text.toLowerCase() === 'true';
    return conversationOf(column, text) ?? text;
  };
}

function conversationOf(column: string, text: string): unknown {
  // One turn, as ShareGPT's chosen and rejected have it.
  if (/^\s*\{/.test(text)) return conversationIn(text)?.turns;
  if (!text.includes('[') || !/^\s*\[\s*\{/.test(text)) return undefined;
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch {
    return undefined;
  }
  const isTurn = (item: unknown): boolean =>
    isObject(item) && ('role' in item || 'from' in item || (column === 'tools' && 'type' in item));
  return Array.isArray(value) && value.every(isTurn) ? value : undefined;
}
