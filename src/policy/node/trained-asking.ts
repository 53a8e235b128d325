import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, isObject } from '../../core/index.ts';
import { readRunFile } from '../../store/index.ts';
import { ASKINGS, GGUF_ASKED, OWN_FILE, type Asking, type TrainedAsking } from '../asking.ts';
import type { OpenedModel } from '../understand-model.ts';
import { adapterText, runOfAdapter, type ModelName } from './model-name.ts';

/**
 * How a model was trained to be asked: what its adapter says, else its run, else the model below. Undefined for models that preftune did not train, or an earlier
 * version did. Throws bad-input for a file of ours that says something else.
 */
export function trainedAsking(
  { adapter, run, model }: Pick<ModelName, 'adapter' | 'run' | 'model'>,
  { files }: Pick<OpenedModel, 'files'>,
): TrainedAsking | undefined {
  if (adapter !== undefined) {
    const own = adapter.kind === 'folder' ? askingOfFolder(adapter.path) : undefined;
    const asked = own ?? askingOfRun(runOfAdapter(adapter));
    if (asked !== undefined) return { asked, by: adapterText(adapter) };
  }
  if (run !== undefined && adapter === undefined) {
    const asked = askingOfRun(run);
    if (asked !== undefined) return { asked, by: run };
  }
  const { location, tokenizer } = files;
  const own =
    tokenizer.kind === 'gguf' ? askingOf(tokenizer.metadata.get(GGUF_ASKED), location) : askingOfFolder(location);
  return own && { asked: own, by: model };
}

function askingOfRun(run: string | undefined): Asking | undefined {
  if (run === undefined) return undefined;
  const { measured } = readRunFile(run);
  return isObject(measured) ? askingOf(measured['asked'], run) : undefined;
}

function askingOfFolder(folder: string): Asking | undefined {
  const file = join(folder, OWN_FILE);
  if (!existsSync(file)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw badInput({ file, message: 'must be JSON, as preftune writes it; delete it where it is not wanted' });
  }
  return isObject(value) ? askingOf(value['asked'], file) : undefined;
}

function askingOf(value: unknown, file: string): Asking | undefined {
  if (value === undefined) return undefined;
  const known = ASKINGS.find((one) => one === value);
  if (known !== undefined) return known;
  throw badInput({ file, path: 'asked', message: `asked must be chat or raw, got ${JSON.stringify(value)}` });
}
