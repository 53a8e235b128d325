import { graph, input, type Graph, type Node } from '../graph/index.ts';
import { hiddenStates, logits, type Decoder } from '../models/index.ts';
import { cachedAttention, stepInputs } from './cached-attention.ts';

/**
 * One step of cached decoding: output `scores` [U, V] of the tokens that input `last` (int32 [U]) names, and every cache
 * with the new keys and values in it, under its input's name. Symbols: T new tokens, B rows, S new tokens of the row that has
 * most, C slots of a row's cache, U scored tokens. The same graph reads a prompt (many tokens a row) and continues it.
 */
export function stepGraph(decoder: Decoder): Graph {
  const inputs = stepInputs(decoder.config);
  const updated: Record<string, Node> = {};
  const hidden = hiddenStates(decoder, {
    tokens: inputs.tokens,
    positions: inputs.positions,
    attend: cachedAttention(decoder.config, inputs, updated),
    rows: input('last', ['U'], 'int32'),
  });
  return graph({ scores: logits(decoder, hidden), ...updated });
}
