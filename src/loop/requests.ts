import { z } from 'zod';
import { badInput, type JsonObject, type JsonValue } from '../core/index.ts';
import type { Candidate } from './candidate.ts';
import type { Loop } from './open-loop.ts';

const act = { actor: z.string().min(1), reason: z.string().min(1).max(1000) };
const evidence = z.record(z.string(), z.json()).optional();

/** What a command asks of the loop, be it in its own process or in the server that has the store. Candidates are named by the model. */
export const LOOP_REQUEST = z.discriminatedUnion('act', [
  z.object({ act: z.literal('status') }),
  z.object({ act: z.literal('add'), model: z.string().min(1), parent: z.string().min(1).optional() }),
  z.object({
    act: z.literal('move'),
    model: z.string(),
    to: z.enum(['passed', 'held', 'failed', 'canary', 'experiment', 'retired']),
    evidence,
    ...act,
  }),
  z.object({ act: z.literal('promote'), model: z.string(), expected: z.string().optional(), ...act }),
  z.object({ act: z.literal('rollback'), expected: z.string().optional(), ...act }),
]);
export type LoopRequest = z.output<typeof LOOP_REQUEST>;

/** Does it. Throws bad-input as the loop does, and for a model that is no candidate. */
export async function answerLoopRequest(loop: Loop, request: LoopRequest): Promise<JsonValue> {
  switch (request.act) {
    case 'status': {
      const candidates = await Promise.all(
        (await loop.list()).map(async (candidate) => ({ ...candidate, moves: await loop.moves(candidate.id) })),
      );
      const [production, promotions] = [await loop.production(), await loop.promotions()];
      return json({ production: production ?? null, candidates, promotions });
    }
    case 'add': {
      const parent = request.parent ?? (await loop.production());
      if (parent === undefined)
        throw badInput({
          path: 'parent',
          message: '--parent must name the model that it must beat: prod stands for none yet',
        });
      return json(await loop.add({ model: request.model, parent }));
    }
    case 'move': {
      const { id } = await candidateOf(loop, request.model);
      return json(
        await loop.move(id, request.to, {
          actor: request.actor,
          reason: request.reason,
          ...(request.evidence !== undefined && { evidence: request.evidence as JsonObject }),
        }),
      );
    }
    case 'promote': {
      const { id } = await candidateOf(loop, request.model);
      return json(await loop.promote(id, request));
    }
    case 'rollback':
      return json(await loop.rollback(request));
  }
}

async function candidateOf(loop: Loop, model: string): Promise<Candidate> {
  const found = await loop.find(model);
  if (found !== undefined) return found;
  const known = (await loop.list()).map((candidate) => candidate.model);
  throw badInput({
    path: 'model',
    message: `must be a candidate, got ${model}; ${known.length === 0 ? 'there is none yet: preftune loop add MODEL' : `there are ${known.slice(0, 10).join(', ')}`}`,
  });
}

function json(value: object): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}
