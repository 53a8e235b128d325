import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from '../../core/index.ts';

const CONFIG = 'adapter_config.json';

/** Whether a path is a PEFT adapter folder. */
export function isAdapterFolder(path: string): boolean {
  return existsSync(join(path, CONFIG));
}

/** What adapter_config.json says of the model below it, as the end of a sentence; empty where it does not. */
export function describeAdapterBase(path: string): string {
  try {
    const config: unknown = JSON.parse(readFileSync(join(path, CONFIG), 'utf8'));
    const base = isObject(config) ? config['base_model_name_or_path'] : undefined;
    return typeof base === 'string' && base !== '' ? ` (${CONFIG} names ${base})` : '';
  } catch {
    // It is read, and refused, by whoever opens the adapter.
    return '';
  }
}
