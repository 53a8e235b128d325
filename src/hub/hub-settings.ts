import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheHome, type Environment } from '../files/index.ts';

/** Where and as whom the hub is asked. */
export interface HubSettings {
  readonly endpoint: string;
  readonly cacheDir: string;
  readonly token: string | undefined;
  /** Use only what the cache holds. */
  readonly isOffline: boolean;
}

const DEFAULT_ENDPOINT = 'https://huggingface.co';

/**
 * The hub's settings as every tool of its ecosystem finds them: HF_ENDPOINT; HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME; HF_TOKEN,
 * HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, or the file that `hf auth login` writes; HF_HUB_OFFLINE.
 * Source: huggingface_hub, "Environment variables".
 */
export function readHubSettings(environment: Environment): HubSettings {
  const given = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const home = given('HF_HOME') ?? join(cacheHome(environment), 'huggingface');
  return {
    endpoint: (given('HF_ENDPOINT') ?? DEFAULT_ENDPOINT).replace(/\/+$/, ''),
    cacheDir: given('HF_HUB_CACHE') ?? given('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub'),
    token:
      given('HF_TOKEN') ?? given('HUGGING_FACE_HUB_TOKEN') ?? readToken(given('HF_TOKEN_PATH') ?? join(home, 'token')),
    isOffline: ['1', 'on', 'yes', 'true'].includes((given('HF_HUB_OFFLINE') ?? '').toLowerCase()),
  };
}

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}
