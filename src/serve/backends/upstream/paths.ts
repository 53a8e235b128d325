import type { UpstreamSettings } from './upstream-config.ts';

/** Where a server has what is asked of it. */
export interface UpstreamPaths {
  readonly chat: string;
  readonly text: string;
  readonly health: string;
  readonly tokenize: string;
  readonly detokenize: string;
  readonly template: string;
}

export function pathsOf(settings: UpstreamSettings): UpstreamPaths {
  const { kind, baseUrl, apiVersion } = settings;
  const base = baseUrl.replace(/\/+$/, '');
  // What is no part of OpenAI's API stands beside /v1.
  const root = base.replace(/\/v1$/, '');
  const query = apiVersion === undefined ? '' : `?api-version=${encodeURIComponent(apiVersion)}`;
  const isDeployments = kind === 'azure' && !base.endsWith('/openai/v1');
  const model = encodeURIComponent(settings.model ?? settings.name);
  const azure = base.endsWith('/openai') ? base : `${base}/openai`;
  const from = isDeployments ? `${azure}/deployments/${model}` : base;
  return {
    chat: `${from}/chat/completions${query}`,
    text: `${from}/completions${query}`,
    health:
      kind === 'vllm' || kind === 'llama.cpp' ? `${root}/health` : `${isDeployments ? azure : base}/models${query}`,
    tokenize: `${root}/tokenize`,
    detokenize: `${root}/detokenize`,
    template: `${root}/apply-template`,
  };
}
