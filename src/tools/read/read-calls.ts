import type { ToolFormat } from '../format.ts';
import { readGemmaCall } from './gemma-calls.ts';
import { readJsonCalls } from './json-calls.ts';
import { readKeyValueCall } from './key-value-calls.ts';
import { readNamedCalls } from './named-calls.ts';
import { readPythonCalls } from './python-calls.ts';
import type { Reading, Source, Tools } from './source.ts';
import { readXmlCalls } from './xml-calls.ts';

/** The calls from here on, where an opener of the format stands, or a call itself where the format takes that. Whether there were any: where not, nothing was given. */
export function readCalls(format: ToolFormat, source: Source, tools: Tools): Reading<boolean> {
  switch (format.kind) {
    case 'json':
      return readJsonCalls(format, source, tools);
    case 'named-json':
      return readNamedCalls(format, source, tools);
    case 'xml':
      return readXmlCalls(source, tools);
    case 'key-value':
      return readKeyValueCall(source, tools);
    case 'python':
      return readPythonCalls(format, source, tools);
    case 'gemma':
      return readGemmaCall(format, source, tools);
  }
}

/** Whether an answer that begins with this character may be a call without markers. */
export function mayBeBare(format: ToolFormat, character: string): boolean {
  // Models of all JSON formats forget their markers, Qwen2.5-Coder most of the time.
  if (format.kind === 'json') return character === '{' || character === '[';
  return format.kind === 'python' && format.isList && character === '[';
}
