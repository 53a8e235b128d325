/** Rows as the tools of this field write them, and what must become of them. */
export const user = (content: string) => ({ role: 'user', content });
export const assistant = (content: string, more: object = {}) => ({ role: 'assistant', content, ...more });
const tagged = (from: string, value: string) => ({ from, value });

const ASKED = [user('Which sea?')];
const GOOD = [assistant('The Baltic.')];
const BAD = [assistant('Paris.')];
const PIRATE = { role: 'system', content: 'Be a pirate.' };
const CALL = {
  role: 'assistant',
  content: '',
  tool_calls: [{ type: 'function', function: { name: 'depth', arguments: { of: 'Baltic' } } }],
};
const TOOL = { type: 'function', function: { name: 'depth', parameters: {} } };

export interface Shape {
  readonly tool: string;
  /** As the table says it. */
  readonly fields: string;
  readonly record: object;
  /** The format's name, or what the message must say. */
  readonly format?: string;
  readonly refused?: string;
  /** Of the row that it becomes; default: the question and its answers. */
  readonly row?: object;
}

const PAIR = { prompt: ASKED, chosen: GOOD, rejected: BAD };
const DONE = { prompt: ASKED, completion: GOOD };
const LABELLED = { ...DONE, label: true };
const BEHIND_SYSTEM = { prompt: [PIRATE, ...ASKED] };
const SYSTEM = { system: 'Be a pirate.' };
const TEXTS = { chosen: 'The Baltic.', rejected: 'Paris.' };

export const SHAPES: readonly Shape[] = [
  {
    tool: 'TRL',
    fields: 'prompt, chosen, rejected: texts',
    record: { prompt: 'Which sea?', ...TEXTS },
    format: 'trl-preference',
    row: { prompt: 'Which sea?', ...TEXTS },
  },
  {
    tool: 'TRL',
    fields: 'prompt, chosen, rejected: messages',
    record: PAIR,
    format: 'trl-preference-conversational',
    row: PAIR,
  },
  {
    tool: 'TRL',
    fields: 'chosen, rejected: whole conversations',
    record: { chosen: [...ASKED, ...GOOD], rejected: [...ASKED, ...BAD] },
    format: 'trl-preference-implicit-conversational',
    row: PAIR,
  },
  {
    tool: 'TRL',
    fields: 'prompt, completion, label',
    record: LABELLED,
    format: 'trl-unpaired-conversational',
    row: LABELLED,
  },
  {
    tool: 'TRL',
    fields: 'messages, tools',
    record: { messages: [...ASKED, ...GOOD], tools: [TOOL] },
    format: 'trl-messages',
    row: { ...DONE, tools: [TOOL] },
  },
  {
    tool: 'TRL',
    fields: 'prompt alone',
    record: { prompt: ASKED },
    refused: 'questions without an answer; there is nothing to train: draw answers with preftune generate',
  },
  {
    tool: 'TRL',
    fields: 'prompt, completions, labels (steps)',
    record: { prompt: 'q', completions: ['a', 'b'], labels: [true, false] },
    refused: 'rewards of single steps are not trained',
  },
  {
    tool: 'TRL',
    fields: 'images beside a conversation',
    record: { ...PAIR, images: ['sea.png'] },
    refused: 'pictures, videos and sound are not read',
  },
  {
    tool: 'LLaMA-Factory',
    fields: 'instruction, input, output, system, history',
    record: { instruction: 'Which', input: 'sea?', output: 'The Baltic.', ...SYSTEM, history: [['Hi', 'Ahoy']] },
    format: 'alpaca',
    row: { prompt: [PIRATE, user('Hi'), assistant('Ahoy'), user('Which\nsea?')], completion: GOOD },
  },
  {
    tool: 'LLaMA-Factory',
    fields: 'instruction, input, chosen, rejected',
    record: { instruction: 'Which sea?', input: '', ...TEXTS },
    format: 'alpaca-preference',
    row: PAIR,
  },
  {
    tool: 'LLaMA-Factory',
    fields: 'instruction, output, kto_tag',
    record: { instruction: 'Which sea?', output: 'The Baltic.', kto_tag: true },
    format: 'alpaca-kto',
    row: LABELLED,
  },
  {
    tool: 'LLaMA-Factory',
    fields: 'conversations of from and value, system, tools',
    record: {
      conversations: [
        tagged('human', 'Which sea?'),
        tagged('function_call', '{"name": "depth", "arguments": {"of": "Baltic"}}'),
        tagged('observation', '459'),
        tagged('gpt', 'The Baltic.'),
      ],
      ...SYSTEM,
      tools: JSON.stringify([TOOL]),
    },
    format: 'sharegpt',
    row: { prompt: [PIRATE, ...ASKED, CALL, { role: 'tool', content: '459' }], completion: GOOD, tools: [TOOL] },
  },
  {
    tool: 'LLaMA-Factory',
    fields: 'conversations, chosen, rejected',
    record: {
      conversations: [tagged('human', 'Which sea?')],
      chosen: tagged('gpt', 'The Baltic.'),
      rejected: tagged('gpt', 'Paris.'),
    },
    format: 'sharegpt-preference',
    row: PAIR,
  },
  {
    tool: 'LLaMA-Factory',
    fields: 'conversations or messages, kto_tag or label',
    record: { messages: [...ASKED, ...GOOD], label: true },
    format: 'messages-kto',
    row: LABELLED,
  },
  {
    tool: 'axolotl',
    fields: 'system, instruction, chosen_response, rejected_response',
    record: { ...SYSTEM, instruction: 'Which sea?', chosen_response: 'The Baltic.', rejected_response: 'Paris.' },
    format: 'alpaca-preference',
    row: { ...PAIR, ...BEHIND_SYSTEM },
  },
  {
    tool: 'axolotl',
    fields: 'system, question or input, chosen, rejected',
    record: { ...SYSTEM, question: 'Which sea?', ...TEXTS },
    format: 'question-preference',
    row: { ...PAIR, ...BEHIND_SYSTEM },
  },
  {
    tool: 'axolotl',
    fields: 'system, prompt, chosen, rejected: whole conversations',
    record: { ...SYSTEM, prompt: 'Which sea?', chosen: [...ASKED, ...GOOD], rejected: [...ASKED, ...BAD] },
    format: 'ultrafeedback-binarized',
    row: { ...PAIR, ...BEHIND_SYSTEM },
  },
  {
    tool: 'axolotl',
    fields: 'messages, chosen and rejected: one message each',
    record: { messages: ASKED, chosen: GOOD[0], rejected: BAD[0] },
    format: 'trl-preference-conversational',
    row: PAIR,
  },
  {
    tool: 'axolotl',
    fields: 'system, instruction or question, completion, label',
    record: { ...SYSTEM, instruction: 'Which sea?', completion: 'The Baltic.', label: true },
    format: 'alpaca-kto',
    row: { ...LABELLED, ...BEHIND_SYSTEM },
  },
  {
    tool: 'axolotl',
    fields: 'question, answer',
    record: { question: 'Which sea?', answer: 'The Baltic.' },
    format: 'question-completion',
    row: DONE,
  },
  {
    tool: 'axolotl',
    fields: 'instruction, input, response',
    record: { instruction: 'Which sea?', input: '', response: 'The Baltic.' },
    format: 'alpaca',
    row: DONE,
  },
  {
    tool: 'axolotl',
    fields: 'INSTRUCTION, RESPONSE',
    record: { INSTRUCTION: 'Which sea?', RESPONSE: 'The Baltic.' },
    format: 'alpaca',
    row: DONE,
  },
  {
    tool: 'axolotl',
    fields: 'segments of label and text',
    record: {
      segments: [
        { label: false, text: 'q' },
        { label: true, text: 'a' },
      ],
    },
    refused: 'join the segments before the last label into prompt',
  },
  {
    tool: 'ms-swift',
    fields: 'messages, rejected_response or rejected_messages',
    record: { messages: [...ASKED, ...GOOD], rejected_response: 'Paris.' },
    format: 'messages-preference',
    row: PAIR,
  },
  {
    tool: 'ms-swift',
    fields: 'query, response, rejected_response, system, history',
    record: { ...SYSTEM, query: 'Which sea?', response: 'The Baltic.', rejected_response: 'Paris.' },
    format: 'question-preference',
    row: { ...PAIR, ...BEHIND_SYSTEM },
  },
  {
    tool: 'ms-swift',
    fields: 'query, response, system, history',
    record: { query: 'Which sea?', response: 'The Baltic.', history: [['Hi', 'Ahoy']] },
    format: 'question-completion',
    row: { prompt: [user('Hi'), assistant('Ahoy'), ...ASKED], completion: GOOD },
  },
  {
    tool: 'ms-swift',
    fields: 'conversation of human and assistant',
    record: { ...SYSTEM, conversation: [{ human: 'Which sea?', assistant: 'The Baltic.' }] },
    format: 'sharegpt',
    row: { ...DONE, ...BEHIND_SYSTEM },
  },
  {
    tool: 'ms-swift',
    fields: 'messages with the roles tool_call and tool_response',
    record: {
      messages: [
        ...ASKED,
        { role: 'tool_call', content: '{"name": "depth", "arguments": {"of": "Baltic"}}' },
        { role: 'tool_response', content: '459' },
        ...GOOD,
      ],
    },
    format: 'trl-messages',
    row: { prompt: [...ASKED, CALL, { role: 'tool', content: '459' }], completion: GOOD },
  },
  {
    tool: 'ms-swift',
    fields: 'messages that end with a question, solution',
    record: { messages: ASKED, solution: 'Baltic' },
    refused: 'messages must end with an assistant turn',
  },
  {
    tool: 'Unsloth',
    fields: 'conversations of role and content',
    record: { conversations: [...ASKED, ...GOOD] },
    format: 'sharegpt',
    row: DONE,
  },
  {
    tool: 'Unsloth',
    fields: 'text',
    record: { text: 'The Baltic is a sea.' },
    format: 'trl-text',
    row: { prompt: '', completion: 'The Baltic is a sea.' },
  },
  {
    tool: 'distilabel',
    fields: 'instruction or prompt, chosen, rejected, chosen_rating, rejected_rating',
    record: {
      instruction: 'Which sea?',
      chosen: [...ASKED, ...GOOD],
      rejected: [...ASKED, ...BAD],
      chosen_rating: 5,
      rejected_rating: 1,
    },
    format: 'ultrafeedback-binarized',
    row: { ...PAIR, meta: { chosenScore: 5, rejectedScore: 1 } },
  },
  {
    tool: 'distilabel',
    fields: 'instruction, generations, ratings, generation_models',
    record: {
      instruction: 'Which sea?',
      generations: ['The Baltic.', 'Paris.'],
      ratings: [5, 1],
      generation_models: ['m', 'n'],
    },
    format: 'answer-list',
    row: {
      prompt: ASKED,
      answers: [
        { content: GOOD, score: 5, model: 'm' },
        { content: BAD, score: 1, model: 'n' },
      ],
    },
  },
  {
    tool: 'distilabel',
    fields: 'instruction, generation',
    record: { instruction: 'Which sea?', generation: 'The Baltic.' },
    format: 'alpaca',
    row: DONE,
  },
  {
    tool: 'distilabel',
    fields: 'conversation: messages',
    record: { conversation: [...ASKED, ...GOOD] },
    format: 'sharegpt',
    row: DONE,
  },
  {
    tool: 'Argilla',
    fields: 'a prompt, two answers, QUESTION.responses',
    record: {
      prompt: 'Which sea?',
      response_a: 'The Baltic.',
      response_b: 'Paris.',
      'better.responses': ['response_a'],
      'better.responses.users': ['ann'],
    },
    format: 'argilla',
    row: { prompt: ASKED, answers: [{ content: GOOD }, { content: BAD }], votes: [{ choice: 0, annotator: 'ann' }] },
  },
  {
    tool: 'Argilla',
    fields: 'one answer, QUESTION.responses (ratings)',
    record: { prompt: 'Which sea?', response: 'The Baltic.', 'quality.responses': [4] },
    refused: 'response_a must be a text, and so must response_b',
  },
  {
    tool: 'OpenAI',
    fields: 'input, preferred_output, non_preferred_output',
    record: { input: { messages: ASKED }, preferred_output: GOOD, non_preferred_output: BAD },
    format: 'openai-dpo',
    row: PAIR,
  },
  {
    tool: 'OpenAI',
    fields: 'messages, tools',
    record: { messages: [{ role: 'developer', content: 'Be a pirate.' }, ...ASKED, ...GOOD] },
    format: 'trl-messages',
    row: { prompt: [{ role: 'developer', content: 'Be a pirate.' }, ...ASKED], completion: GOOD },
  },
  {
    tool: 'OpenAI',
    fields: 'messages with function_call, functions',
    record: {
      messages: [
        ...ASKED,
        { role: 'assistant', content: null, function_call: { name: 'depth', arguments: '{"of": "Baltic"}' } },
        { role: 'function', name: 'depth', content: '459' },
        ...GOOD,
      ],
      functions: [TOOL.function],
    },
    format: 'trl-messages',
    row: { prompt: [...ASKED, CALL, { role: 'tool', name: 'depth', content: '459' }], completion: GOOD, tools: [TOOL] },
  },
  {
    tool: 'OpenAI',
    fields: 'custom_id, body or response (batches)',
    record: { custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: { messages: ASKED } },
    refused: 'requests of a batch; they hold no answer',
  },
  {
    tool: 'Human comparisons',
    fields: 'prompt, response_0, response_1, better_response_id',
    record: { prompt: 'Which sea?', response_0: 'Paris.', response_1: 'The Baltic.', better_response_id: 1 },
    format: 'two-answers',
    row: { prompt: ASKED, answers: [{ content: BAD }, { content: GOOD }], votes: [{ choice: 1 }] },
  },
  {
    tool: 'Human comparisons',
    fields: 'context, response1, response2, overall_preference',
    record: { context: ASKED, response1: 'The Baltic.', response2: 'Paris.', overall_preference: -2 },
    format: 'two-answers',
    row: { prompt: ASKED, answers: [{ content: GOOD }, { content: BAD }], votes: [{ choice: 0 }] },
  },
  {
    tool: 'Human comparisons',
    fields: 'prompt, answers of answer and rank',
    record: {
      prompt: '\n\nHuman: Which sea?\n\nAssistant: ',
      answers: [
        { answer: 'The Baltic.', rank: 1 },
        { answer: 'Paris.', rank: 2 },
      ],
    },
    format: 'answer-list',
    row: {
      prompt: ASKED,
      answers: [
        { content: GOOD, rank: 1 },
        { content: BAD, rank: 2 },
      ],
    },
  },
];
