import { badInput, messageOf, type Problem } from '../core/index.ts';
import type { ModelConfig } from './model-config.ts';
import { EMBEDDING_PATH, HEAD_PATH, projectionPath, projectionsOf } from './parameters.ts';

/** Every module that an adapter may change, in forward order: the embedding, the projections of each layer, the head. */
export function adaptablePaths(config: ModelConfig): string[] {
  return [EMBEDDING_PATH, ...layerPaths(config).flat(), HEAD_PATH];
}

function layerPaths(config: ModelConfig): string[][] {
  return Array.from({ length: config.layers }, (_, layer) =>
    projectionsOf(config).map((projection) => projectionPath(layer, projection)),
  );
}

/**
 * The modules that `patterns` name: `all-linear` (the projections, never the head), a module name (`q_proj`, `embed_tokens`, `lm_head`), a dotted
 * suffix (`layers.0.mlp.up_proj`), or one regular expression that must match a whole path (PEFT's rule: a list of names matches by
 * suffix, a string by regular expression). `layers` (`0-11`, `24`) leaves the projections of other layers out; embedding and head are in no
 * layer. Throws bad-input with every pattern that matches nothing or is no expression, and every layer that is none.
 */
export function resolveTargets(config: ModelConfig, patterns: readonly string[], layers?: readonly string[]): string[] {
  const problems: Problem[] = [];
  const chosenLayers = layers === undefined ? undefined : resolveLayers(config, layers, problems);
  const projections = layerPaths(config)
    .filter((_paths, layer) => chosenLayers?.has(layer) ?? true)
    .flat();
  const paths = [EMBEDDING_PATH, ...projections, HEAD_PATH];
  const chosen = new Set<string>();
  for (const pattern of patterns) {
    const matches = matcherOf(pattern);
    if (typeof matches === 'string') {
      problems.push({ path: 'lora.targets', message: matches });
      continue;
    }
    const found = pattern === 'all-linear' ? projections : paths.filter(matches);
    for (const path of found) chosen.add(path);
    if (found.length === 0) problems.push({ path: 'lora.targets', message: unmatched(config, pattern, layers) });
  }
  if (problems.length > 0) throw badInput(problems);
  return paths.filter((path) => chosen.has(path));
}

function unmatched(config: ModelConfig, pattern: string, layers: readonly string[] | undefined): string {
  const within = layers === undefined ? '' : ` within layers ${layers.join(', ')}`;
  const known = [...projectionsOf(config), 'embed_tokens', 'lm_head'].join(', ');
  return `lora.targets: "${pattern}" must match a module of the model${within}, it matches none; there are ${known}, or say all-linear`;
}

/** Says of a path whether a pattern names it; the problem as text when the pattern is no regular expression. */
function matcherOf(pattern: string): ((path: string) => boolean) | string {
  if (/^[\w.-]+$/.test(pattern)) return (path) => path === pattern || path.endsWith(`.${pattern}`);
  try {
    const expression = new RegExp(`^(?:${pattern})$`, 'u');
    return (path) => expression.test(path);
  } catch (cause) {
    return `lora.targets: "${pattern}" must be a module name or a regular expression; ${messageOf(cause)}`;
  }
}

/** The layers of `0-11` and `24`, counted from 0. Problems are added to `problems`. */
function resolveLayers(config: ModelConfig, ranges: readonly string[], problems: Problem[]): ReadonlySet<number> {
  const chosen = new Set<number>();
  const last = config.layers - 1;
  for (const range of ranges) {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(range.trim()) ?? [];
    if (from === undefined || Number(from) > Number(to) || Number(to) > last) {
      problems.push({
        path: 'lora.layers',
        message: `lora.layers: "${range}" must be a layer or a range such as 0-${last} within the model's 0 to ${last}`,
      });
      continue;
    }
    for (let layer = Number(from); layer <= Number(to); layer++) chosen.add(layer);
  }
  return chosen;
}
