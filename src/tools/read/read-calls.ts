import type { ToolFormat } from '../format.ts';
import { readGemmaCall } from './gemma-calls.ts';
import { readJsonCalls } from './json-calls.ts';
import { readNamedCalls } from './named-calls.ts';
import { readPythonCalls } from './python-calls.ts';
import type { ReadContext, Section } from './section.ts';
import { readXmlCalls } from './xml-calls.ts';

/** The calls at the beginning of a text that begins with an opener of the format, or with a call itself where the format takes that. */
export function readCalls(format: ToolFormat, text: string, context: ReadContext): Section {
  switch (format.kind) {
    case 'json':
      return readJsonCalls(format, text, context);
    case 'named-json':
      return readNamedCalls(format, text, context);
    case 'xml':
      return readXmlCalls(text, context);
    case 'python':
      return readPythonCalls(format, text, context);
    case 'gemma':
      return readGemmaCall(format, text, context);
  }
}

/** Whether an answer that begins with this character may be a call without markers. */
export function mayBeBare(format: ToolFormat, character: string): boolean {
  // Models of all JSON formats forget their markers, Qwen2.5-Coder most of the time.
  if (format.kind === 'json') return character === '{' || character === '[';
  return format.kind === 'python' && format.isList && character === '[';
}
