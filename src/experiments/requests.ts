import { z } from 'zod';
import { EXPERIMENT_BODY } from '../api/index.ts';
import type { JsonValue } from '../core/index.ts';
import type { LiveExperiment } from './live-experiment.ts';
import type { Experiments } from './open-experiments.ts';
import { aaRecord, experimentObject, type ExperimentObject } from './report.ts';

const act = { actor: z.string().min(1) };

/** What a command asks of experiments, be it in its own process or in the server that has the store. */
export const EXPERIMENT_REQUEST = z.discriminatedUnion('act', [
  z.object({ act: z.literal('list') }),
  z.object({ act: z.literal('show'), id: z.string() }),
  z.object({ act: z.literal('start'), definition: EXPERIMENT_BODY, ...act }),
  z.object({ act: z.literal('widen'), id: z.string(), traffic: z.number(), ...act }),
  z.object({ act: z.literal('stop'), id: z.string(), reason: z.string().min(1).max(1000), ...act }),
]);
export type ExperimentRequest = z.output<typeof EXPERIMENT_REQUEST>;

export interface RequestContext {
  readonly now: () => number;
  readonly isLoaded: (model: string) => boolean;
}

/** Does it. Throws bad-input as the experiments do. */
export async function answerExperimentRequest(
  experiments: Experiments,
  request: ExperimentRequest,
  { now, isLoaded }: RequestContext,
): Promise<JsonValue> {
  const shown = (experiment: LiveExperiment): ExperimentObject =>
    experimentObject(experiment, { now: now(), problem: experiments.problemOf(experiment), isLoaded });
  switch (request.act) {
    case 'list': {
      const objects = experiments.list().map(shown);
      return json({ experiments: objects, aa: aaRecord(objects) });
    }
    case 'show':
      return json(shown(experiments.need(request.id)));
    case 'start':
      return json(shown(await experiments.create(request.definition, request.actor)));
    case 'widen':
      return json(shown(await experiments.widen(request.id, request.traffic, request.actor)));
    case 'stop':
      return json(shown(await experiments.stop(request.id, request.reason, request.actor)));
  }
}

function json(value: object): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}
