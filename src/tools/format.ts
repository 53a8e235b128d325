/** Calls as objects of JSON: `{"name": ..., "arguments": ...}`. */
export interface JsonFormat {
  readonly kind: 'json';
  /** Stands before a call, or before the list of calls; empty where an answer that is a call begins with the JSON itself. */
  readonly open: string;
  readonly close: string;
  /** Between the markers and the JSON. */
  readonly gap: string;
  /** All calls stand in one list; else each has markers of its own. */
  readonly isList: boolean;
  readonly argumentsKey: 'arguments' | 'parameters';
  /** A call is followed by an id of nine letters and digits. */
  readonly hasId: boolean;
}

/** Calls as a name and the JSON of the arguments, with markers around. */
export interface NamedJsonFormat {
  readonly kind: 'named-json';
  /** Stands before the first call of several, where they have markers of their own beside it; often empty. */
  readonly before: string;
  readonly open: string;
  /** Between the name and the arguments. */
  readonly middle: string;
  readonly close: string;
  /** Stands behind the last call. */
  readonly after: string;
}

/** Calls as `<tool_call><function=name><parameter=key>value</parameter></function></tool_call>`; texts stand as they are, other values as JSON. */
export interface XmlFormat {
  readonly kind: 'xml';
}

/** Calls as GLM writes them: the name, then keys and values between tags of their own; texts stand as they are, other values as JSON. */
export interface KeyValueFormat {
  readonly kind: 'key-value';
}

/** The tags of `KeyValueFormat`. */
export const KEY_VALUE_TAGS = {
  open: '<tool_call>',
  close: '</tool_call>',
  openKey: '<arg_key>',
  closeKey: '</arg_key>',
  openValue: '<arg_value>',
  closeValue: '</arg_value>',
} as const;

/** Calls as Python writes them: `name(key="value")`, in a list or on lines of their own between markers. */
export interface PythonFormat {
  readonly kind: 'python';
  /** Empty where an answer that is a call begins with the list itself. */
  readonly open: string;
  readonly close: string;
  readonly isList: boolean;
}

/** Calls as Gemma writes them: `call:name{key:<escape>text<escape>,other:1}` between markers. */
export interface GemmaFormat {
  readonly kind: 'gemma';
  readonly open: string;
  readonly close: string;
  /** Stands on both sides of a text. */
  readonly quote: string;
}

/** How a family of models writes calls of tools. Plain data, so that it can go to other threads. */
export type ToolFormat = JsonFormat | NamedJsonFormat | XmlFormat | KeyValueFormat | PythonFormat | GemmaFormat;

const JSON_CALL = { kind: 'json', close: '', gap: '', isList: false, argumentsKey: 'arguments', hasId: false } as const;

/** The formats in use, by the families that brought them. The order is that in which they are tried on what a template writes. */
export const TOOL_FORMATS = {
  /** Hermes, Qwen 2.5 and 3, SmolLM3, Granite 4. */
  hermes: { ...JSON_CALL, open: '<tool_call>', close: '</tool_call>', gap: '\n' },
  /** SmolLM2. */
  hermesList: { ...JSON_CALL, open: '<tool_call>', close: '</tool_call>', isList: true },
  /** Qwen3-Coder, Qwen 3.5 and later. */
  qwenXml: { kind: 'xml' },
  /** GLM 4.5 and later. */
  glm: { kind: 'key-value' },
  /** Mistral's tokenizers v3 to v7, Ministral. */
  mistral: { ...JSON_CALL, open: '[TOOL_CALLS]', isList: true, hasId: true },
  /** Mistral's tokenizers from v11 on, Ministral 3. */
  mistralNamed: {
    kind: 'named-json',
    before: '',
    open: '[TOOL_CALLS]',
    middle: '[ARGS]',
    close: '',
    after: '',
  },
  /** Phi-4-mini. */
  phi4: { ...JSON_CALL, open: '<|tool_call|>', close: '<|/tool_call|>', isList: true },
  /** Phi-4-mini, as vLLM's template teaches it. */
  functools: { ...JSON_CALL, open: 'functools', isList: true },
  /** Granite 3. */
  granite: { ...JSON_CALL, open: '<|tool_call|>', isList: true },
  /** Llama 3.1 to 3.3. */
  llama: { ...JSON_CALL, open: '', argumentsKey: 'parameters' },
  /** OLMo 3. */
  olmo: { kind: 'python', open: '<function_calls>', close: '</function_calls>', isList: false },
  /** Gemma 3, as its guide teaches it. */
  toolCode: { kind: 'python', open: '```tool_code', close: '```', isList: false },
  /** LFM2. */
  lfm: { kind: 'python', open: '<|tool_call_start|>', close: '<|tool_call_end|>', isList: true },
  /** Llama 3.2 and 4, Gemma 3 as vLLM's template teaches it. */
  pythonic: { kind: 'python', open: '', close: '', isList: true },
  /** FunctionGemma. */
  functionGemma: {
    kind: 'gemma',
    open: '<start_function_call>',
    close: '<end_function_call>',
    quote: '<escape>',
  },
  /** Gemma 4. */
  gemma4: { kind: 'gemma', open: '<|tool_call>', close: '<tool_call|>', quote: '<|"|>' },
  /** DeepSeek V3 and R1, and the models that were distilled from it. */
  deepseek: {
    kind: 'named-json',
    before: '<｜tool▁calls▁begin｜>',
    open: '<｜tool▁call▁begin｜>function<｜tool▁sep｜>',
    middle: '\n```json\n',
    close: '\n```<｜tool▁call▁end｜>',
    after: '<｜tool▁calls▁end｜>',
  },
  /** DeepSeek V3.1. */
  deepseek31: {
    kind: 'named-json',
    before: '<｜tool▁calls▁begin｜>',
    open: '<｜tool▁call▁begin｜>',
    middle: '<｜tool▁sep｜>',
    close: '<｜tool▁call▁end｜>',
    after: '<｜tool▁calls▁end｜>',
  },
} as const satisfies Readonly<Record<string, ToolFormat>>;

/** Llama's token before calls of tools, which it writes now and then where its template does not ask for it. */
export const PYTHON_TAG = '<|python_tag|>';

/** The texts with which calls begin: whoever decodes an answer must keep those that are special tokens. */
export function openersOf(format: ToolFormat): readonly string[] {
  switch (format.kind) {
    case 'json':
      return format.open === '' ? [PYTHON_TAG] : [format.open];
    case 'named-json':
      return format.before === '' ? [format.open] : [format.before, format.open];
    case 'xml':
      return ['<tool_call>', '<function=', '<function name='];
    case 'key-value':
      return [KEY_VALUE_TAGS.open];
    case 'python':
      return format.open === '' ? [PYTHON_TAG] : [format.open];
    case 'gemma':
      return [format.open];
  }
}

/** All texts of a format that may be special tokens of a model: openers, closers and what stands between. */
export function markersOf(format: ToolFormat): readonly string[] {
  const own: readonly string[] =
    format.kind === 'named-json'
      ? [format.before, format.open, format.middle, format.close, format.after, '[CALL_ID]']
      : format.kind === 'gemma'
        ? [format.open, format.close, format.quote]
        : format.kind === 'xml'
          ? ['<tool_call>', '</tool_call>']
          : format.kind === 'key-value'
            ? Object.values(KEY_VALUE_TAGS)
            : [format.open, format.close, PYTHON_TAG];
  return own.filter((text) => text !== '');
}
