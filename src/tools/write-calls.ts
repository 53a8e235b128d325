import { JsonNumber, isObject, writeExactJson } from '../core/index.ts';
import { KEY_VALUE_TAGS, type GemmaFormat, type JsonFormat, type ToolFormat } from './format.ts';

/** A call as it stands in a conversation: the arguments are an object, its numbers with their digits. */
export interface WrittenCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly id?: string | undefined;
}

/** Calls as a model of the format writes them: what a template that passes them over lacks. */
export function writeCalls(format: ToolFormat, calls: readonly WrittenCall[]): string {
  switch (format.kind) {
    case 'json':
      return writeJsonCalls(format, calls);
    case 'named-json': {
      const { before, open, middle, close, after } = format;
      return `${before}${calls.map((call) => `${open}${call.name}${middle}${writeExactJson(call.arguments)}${close}`).join('')}${after}`;
    }
    case 'xml':
      return calls.map(writeXmlCall).join('\n');
    case 'key-value':
      return calls.map(writeKeyValueCall).join('\n');
    case 'python': {
      const texts = calls.map(
        ({ name, arguments: given }) =>
          `${name}(${Object.entries(given)
            .map(([key, value]) => `${key}=${pythonText(value)}`)
            .join(', ')})`,
      );
      return format.isList
        ? `${format.open}[${texts.join(', ')}]${format.close}`
        : `${format.open}\n${texts.join('\n')}\n${format.close}`;
    }
    case 'gemma':
      return calls
        .map((call) => `${format.open}call:${call.name}${gemmaText(call.arguments, format, false)}${format.close}`)
        .join('');
  }
}

function writeJsonCalls(
  { open, close, gap, isList, argumentsKey, hasId }: JsonFormat,
  calls: readonly WrittenCall[],
): string {
  const texts = calls.map(({ name, arguments: given, id }) => {
    const idText = hasId && id !== undefined ? `, "id": ${JSON.stringify(id)}` : '';
    return `{"name": ${JSON.stringify(name)}, "${argumentsKey}": ${writeExactJson(given)}${idText}}`;
  });
  if (isList) return `${open}${gap}[${texts.join(', ')}]${gap}${close}`;
  return texts.map((text) => `${open}${gap}${text}${gap}${close}`).join(open === '' ? '; ' : '\n');
}

function writeXmlCall({ name, arguments: given }: WrittenCall): string {
  const parameters = Object.entries(given).map(
    ([key, value]) =>
      `<parameter=${key}>\n${typeof value === 'string' ? value : writeExactJson(value)}\n</parameter>\n`,
  );
  return `<tool_call>\n<function=${name}>\n${parameters.join('')}</function>\n</tool_call>`;
}

function writeKeyValueCall({ name, arguments: given }: WrittenCall): string {
  const { open, close, openKey, closeKey, openValue, closeValue } = KEY_VALUE_TAGS;
  const fields = Object.entries(given).map(
    ([key, value]) =>
      `${openKey}${key}${closeKey}\n${openValue}${typeof value === 'string' ? value : writeExactJson(value)}${closeValue}\n`,
  );
  return `${open}${name}\n${fields.join('')}${close}`;
}

/** A value as Python writes it; texts in JSON's quotes, which Python reads alike. */
function pythonText(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(pythonText).join(', ')}]`;
  if (!isObject(value)) return writeExactJson(value);
  return `{${Object.entries(value)
    .map(([key, field]) => `${JSON.stringify(key)}: ${pythonText(field)}`)
    .join(', ')}}`;
}

function gemmaText(value: unknown, format: GemmaFormat, isInner = true): string {
  const { quote } = format;
  if (typeof value === 'string') return `${quote}${value}${quote}`;
  if (Array.isArray(value)) return `[${value.map((item) => gemmaText(item, format)).join(',')}]`;
  if (value instanceof JsonNumber || !isObject(value)) return writeExactJson(value);
  const key = (name: string): string => (isInner ? `${quote}${name}${quote}` : name);
  return `{${Object.entries(value)
    .map(([name, field]) => `${key(name)}:${gemmaText(field, format)}`)
    .join(',')}}`;
}
