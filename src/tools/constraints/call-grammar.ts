import { badInput, isObject, type JsonObject } from '../../core/index.ts';
import { choice, compileSchema, literal, repeated, sequence, textThrough, type Grammar } from '../../grammar/index.ts';
import { KEY_VALUE_TAGS, type GemmaFormat, type JsonFormat, type PythonFormat, type ToolFormat } from '../format.ts';
import type { ToolDefinition } from '../tool.ts';
import {
  argumentsGrammar,
  listGrammar,
  parametersOf,
  plainTextGrammar,
  valueGrammar,
  type Parameter,
} from './arguments.ts';
import { optional, type Marks } from './marks.ts';

/** Calls of a format: what stands behind the text with which they begin. */
export interface CallsGrammar {
  /** The text with which calls begin; empty where they have no marker. */
  readonly opener: string;
  /** One call, or a list of them, up to the end of its markers. */
  readonly rest: Grammar;
  /** Whether another call may follow, with an opener of its own. */
  readonly mayRepeat: boolean;
  /** What may stand before another call. */
  readonly between: string;
  /** What stands behind the last call. */
  readonly end: Grammar;
}

/** The grammar of calls of these tools, in the very form in which `writeCalls` writes them. `isParallel` allows several. Throws bad-input for strict schemas that cannot be enforced. */
export function callsGrammar(
  format: ToolFormat,
  tools: readonly ToolDefinition[],
  { marks, isParallel }: { readonly marks: Marks; readonly isParallel: boolean },
): CallsGrammar {
  const plain = { mayRepeat: isParallel, between: '', end: literal('') };
  switch (format.kind) {
    case 'json':
      return jsonCalls(format, tools, { marks, isParallel });
    case 'named-json': {
      const { before, open, middle, close, after } = format;
      const rest = choice(
        ...tools.map((tool) => sequence(tool.function.name, marks.of(middle), argumentsGrammar(tool), marks.of(close))),
      );
      if (before === '') return { ...plain, opener: open, rest, end: marks.of(after) };
      const further = repeated(sequence(marks.of(open), rest), 0, isParallel ? Infinity : 0);
      return {
        ...plain,
        opener: before,
        rest: sequence(marks.of(open), rest, further, marks.of(after)),
        mayRepeat: false,
      };
    }
    case 'xml':
      return {
        ...plain,
        opener: '<tool_call>',
        rest: choice(...tools.map((tool) => xmlCall(tool, marks))),
        between: '\n',
      };
    case 'key-value':
      return {
        ...plain,
        opener: KEY_VALUE_TAGS.open,
        rest: choice(...tools.map((tool) => keyValueCall(tool, marks))),
        between: '\n',
      };
    case 'python':
      return pythonCalls(format, tools, { marks, isParallel });
    case 'gemma':
      return { ...plain, opener: format.open, rest: choice(...tools.map((tool) => gemmaCall(format, tool, marks))) };
  }
}

interface Choices {
  readonly marks: Marks;
  readonly isParallel: boolean;
}

function jsonCalls(format: JsonFormat, tools: readonly ToolDefinition[], { marks, isParallel }: Choices): CallsGrammar {
  const { open, close, gap, isList, argumentsKey, hasId } = format;
  const id = hasId
    ? optional(sequence(', "id": ', compileSchema({ type: 'string', pattern: '^[a-zA-Z0-9]{9}$' })))
    : literal('');
  const call = choice(
    ...tools.map((tool) =>
      sequence(`{"name": ${JSON.stringify(tool.function.name)}, "${argumentsKey}": `, argumentsGrammar(tool), id, '}'),
    ),
  );
  const closed = close === '' ? literal('') : sequence(gap, marks.of(close));
  if (!isList) {
    const between = open === '' ? '; ' : '\n';
    return { opener: open, rest: sequence(gap, call, closed), mayRepeat: isParallel, between, end: literal('') };
  }
  const list = sequence('[', call, repeated(sequence(', ', call), 0, isParallel ? Infinity : 0), ']');
  // Mistral's template writes a space before the list, its models do not.
  return {
    opener: open,
    rest: sequence(optional(' '), gap, list, closed),
    mayRepeat: false,
    between: '',
    end: literal(''),
  };
}

function xmlCall(tool: ToolDefinition, marks: Marks): Grammar {
  const CLOSE = '\n</parameter>';
  const parts = parametersOf(tool).map((parameter) => {
    const text = plainTextGrammar(tool, parameter, { close: literal(CLOSE), anyText: textThrough(CLOSE) });
    const value = text ?? sequence(valueGrammar(tool, parameter), CLOSE);
    return { grammar: sequence(`<parameter=${parameter.name}>\n`, value, '\n'), isRequired: parameter.isRequired };
  });
  return sequence(
    `\n<function=${tool.function.name}>\n`,
    listGrammar(parts, ''),
    '</function>\n',
    marks.of('</tool_call>'),
  );
}

function keyValueCall(tool: ToolDefinition, marks: Marks): Grammar {
  const { close, openKey, closeKey, openValue, closeValue } = KEY_VALUE_TAGS;
  const end = marks.of(closeValue);
  const parts = parametersOf(tool).map((parameter) => {
    const text = plainTextGrammar(tool, parameter, { close: end, anyText: marks.through(closeValue) });
    const value = text ?? sequence(valueGrammar(tool, parameter), end);
    const head = sequence(marks.of(openKey), parameter.name, marks.of(closeKey), '\n', marks.of(openValue));
    return { grammar: sequence(head, value, '\n'), isRequired: parameter.isRequired };
  });
  return sequence(`${tool.function.name}\n`, listGrammar(parts, ''), marks.of(close));
}

function pythonCalls(
  { open, close, isList }: PythonFormat,
  tools: readonly ToolDefinition[],
  { marks, isParallel }: Choices,
): CallsGrammar {
  const call = choice(
    ...tools.map((tool) => {
      const parts = parametersOf(tool).map((parameter) => ({
        grammar: sequence(`${parameter.name}=`, valueGrammar(tool, parameter)),
        isRequired: parameter.isRequired,
      }));
      return sequence(`${tool.function.name}(`, listGrammar(parts, ', '), ')');
    }),
  );
  const further = repeated(sequence(isList ? ', ' : '\n', call), 0, isParallel ? Infinity : 0);
  const rest = isList
    ? sequence('[', call, further, ']', marks.of(close))
    : sequence('\n', call, further, '\n', marks.of(close));
  return { opener: open, rest, mayRepeat: false, between: '', end: literal('') };
}

function gemmaCall(format: GemmaFormat, tool: ToolDefinition, marks: Marks): Grammar {
  const parts = parametersOf(tool).map((parameter) => ({
    grammar: sequence(`${parameter.name}:`, gemmaValue(format, tool, parameter, marks)),
    isRequired: parameter.isRequired,
  }));
  return sequence(`call:${tool.function.name}{`, listGrammar(parts, ','), '}', marks.of(format.close));
}

/** Gemma writes texts between its own quotes, so that JSON's grammar serves for numbers, booleans and null alone. */
function gemmaValue(format: GemmaFormat, tool: ToolDefinition, parameter: Parameter, marks: Marks): Grammar {
  const quote = marks.of(format.quote);
  const anyText = sequence(quote, marks.through(format.quote));
  const { schema, name } = parameter;
  const type = isObject(schema) ? schema['type'] : undefined;
  if (type === 'integer' || type === 'number' || type === 'boolean' || type === 'null')
    return valueGrammar(tool, parameter);
  if (isObject(schema) && (type === 'string' || schema['enum'] !== undefined)) {
    const text = plainTextGrammar(tool, parameter, { close: quote, anyText: marks.through(format.quote) });
    if (text !== undefined) return sequence(quote, text);
  }
  const inner = (item: unknown, key: string): Parameter => ({
    name: `${name}.${key}`,
    schema: (isObject(item) ? item : true) as JsonObject | boolean,
    isRequired: true,
  });
  if (isObject(schema) && type === 'array' && Object.keys(schema).every((key) => ARRAY_KEYS.has(key))) {
    const item = gemmaValue(format, tool, inner(schema['items'], 'items'), marks);
    return sequence('[', optional(sequence(item, repeated(sequence(',', item)))), ']');
  }
  if (tool.function.strict === true)
    throw badInput(
      `tools: the strict schema of ${tool.function.name}.${name} cannot be enforced in the way this model writes calls; use texts, numbers, booleans and lists of them, or do without strict`,
    );
  const simple = choice(anyText, compileSchema({ type: ['number', 'boolean', 'null'] }));
  const list = sequence('[', optional(sequence(simple, repeated(sequence(',', simple)))), ']');
  const field = sequence(quote, marks.through(format.quote), ':', choice(simple, list));
  return choice(simple, list, sequence('{', optional(sequence(field, repeated(sequence(',', field)))), '}'));
}

const ARRAY_KEYS = new Set(['type', 'items', 'title', 'description', 'default', '$defs', 'definitions']);
