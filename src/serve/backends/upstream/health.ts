import { isObject, messageOf } from '../../../core/index.ts';
import { readJson } from './read-json.ts';
import type { Upstream } from './upstream.ts';
import { UpstreamFailure } from './upstream-failure.ts';

/** Whether a server is there, and what an operator should know of it. */
export interface UpstreamHealth {
  readonly isUp: boolean;
  readonly latencyMs: number;
  /** Undefined where nothing is wrong. */
  readonly problem?: string;
  /** The models that it says it has, where it was asked for them. */
  readonly models?: readonly string[];
}

/** GET /models, or /health where servers of its kind have it. */
export async function checkHealth(upstream: Upstream, timeoutMs = 5000): Promise<UpstreamHealth> {
  const { paths, settings } = upstream;
  const began = performance.now();
  try {
    const body = await readJson(upstream, { method: 'GET', url: paths.health, timeoutMs, mayBeEmpty: true });
    const latencyMs = performance.now() - began;
    const data = isObject(body) && Array.isArray(body['data']) ? body['data'] : undefined;
    if (data === undefined) return { isUp: true, latencyMs };
    const models = data.filter(isObject).map(({ id }) => String(id));
    const model = settings.model ?? settings.name;
    // Azure lists base models, and not deployments.
    const isMissing = settings.kind !== 'azure' && !models.some((id) => id === model || id === `${model}:latest`);
    return {
      isUp: true,
      latencyMs,
      models,
      ...(isMissing && {
        problem: `upstream ${settings.name}: it does not list the model ${model}; it has ${models.slice(0, 20).join(', ') || 'none'}`,
      }),
    };
  } catch (thrown) {
    const problem =
      thrown instanceof UpstreamFailure
        ? (thrown.note ?? thrown.message)
        : `upstream ${settings.name}: ${messageOf(thrown)}`;
    return { isUp: false, latencyMs: performance.now() - began, problem };
  }
}
