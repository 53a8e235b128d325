export {
  chosenTools,
  toolGrammar,
  type ChosenTools,
  type ToolChoice,
  type ToolGrammarOptions,
} from './constraints/tool-grammar.ts';
export { TOOL_FORMATS, markersOf, openersOf, type ToolFormat } from './format.ts';
export {
  createToolParser,
  type AnswerDelta,
  type CallDelta,
  type ToolParser,
  type ToolParserOptions,
} from './parser.ts';
export { markerTokens, type MarkerTokens } from './marker-tokens.ts';
export { probeTemplate, toolFormatOf, type TemplateTraits } from './probe.ts';
export { isReasoningOpen, reasoningFormatOf, REASONING_FORMATS, type ReasoningFormat } from './reasoning.ts';
export { templateMessages, type TemplateConversation } from './template-messages.ts';
export type { CallText, ToolDefinition } from './tool.ts';
export { writeCalls, type WrittenCall } from './write-calls.ts';
