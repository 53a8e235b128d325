import { expect, test } from 'vitest';
import type { ChatPiece, TextPiece } from '../backends/backend.ts';
import { ChatAccumulator, TextAccumulator } from './accumulate.ts';

const HEAD = { id: 'chatcmpl-1', created: 5, model: 'm' };

function piece(
  index: number,
  delta: ChatPiece['choices'][number]['delta'],
  reason: 'stop' | 'tool_calls' | null = null,
): ChatPiece {
  return { choices: [{ index, delta, finish_reason: reason }] };
}

test('pieces of two choices become one answer, calls with their arguments as one text', () => {
  const gathered = new ChatAccumulator();
  for (const one of [
    piece(1, { role: 'assistant', content: '' }),
    piece(0, { role: 'assistant', content: '' }),
    piece(0, { content: 'Hel' }),
    piece(1, { tool_calls: [{ index: 0, id: 'call_a', type: 'function', function: { name: 'f', arguments: '' } }] }),
    piece(0, { content: 'lo', reasoning_content: 'hm' }, 'stop'),
    piece(1, { tool_calls: [{ index: 0, function: { arguments: '{"x":' } }] }),
    piece(1, { tool_calls: [{ index: 1, id: 'call_b', type: 'function', function: { name: 'g', arguments: '{}' } }] }),
    piece(1, { tool_calls: [{ index: 0, function: { arguments: '1}' } }] }, 'tool_calls'),
    { choices: [], usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 } },
  ])
    gathered.add(one);
  expect(gathered.finishReasons).toEqual(['stop', 'tool_calls']);
  expect(gathered.whole(HEAD)).toEqual({
    ...HEAD,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello', refusal: null, reasoning_content: 'hm' },
        logprobs: null,
        finish_reason: 'stop',
      },
      {
        index: 1,
        message: {
          role: 'assistant',
          content: '',
          refusal: null,
          tool_calls: [
            { id: 'call_a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
            { id: 'call_b', type: 'function', function: { name: 'g', arguments: '{}' } },
          ],
        },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ],
    usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
  });
});

function part(text: string, logp: number | null, offset: number): TextPiece {
  return {
    choices: [
      {
        index: 0,
        text,
        logprobs: { tokens: [text], token_logprobs: [logp], top_logprobs: [{ [text]: -0.5 }], text_offset: [offset] },
        finish_reason: null,
      },
    ],
  };
}

test('log-probabilities of texts are put together with their places', () => {
  const gathered = new TextAccumulator();
  gathered.add(part('a', null, 0));
  gathered.add(part('bc', -1.5, 1));
  gathered.add({ choices: [{ index: 0, text: '', logprobs: null, finish_reason: 'length' }] });
  expect(gathered.whole({ ...HEAD, id: 'cmpl-1' })).toEqual({
    ...HEAD,
    id: 'cmpl-1',
    object: 'text_completion',
    choices: [
      {
        index: 0,
        text: 'abc',
        logprobs: {
          tokens: ['a', 'bc'],
          token_logprobs: [null, -1.5],
          top_logprobs: [{ a: -0.5 }, { bc: -0.5 }],
          text_offset: [0, 1],
        },
        finish_reason: 'length',
      },
    ],
  });
});
