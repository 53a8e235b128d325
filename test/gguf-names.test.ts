import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ggufConfig } from '../src/export/gguf/gguf-config.ts';
import { mergedModel } from '../src/export/index.ts';
import { openModelFiles } from '../src/formats/index.ts';
import { huggingFaceName, nameInGguf, parseModelConfig } from '../src/models/index.ts';
import type { OpenedModel } from '../src/policy/index.ts';

/** What every recorded model's tensors and metadata are called in a GGUF file, beside the names of llama.cpp's own Python package. */
const FIXTURES = join(import.meta.dirname, 'fixtures');
const recorded = JSON.parse(readFileSync(join(FIXTURES, 'export', 'gguf-names.json'), 'utf8')) as {
  readonly keys: readonly string[];
  readonly models: Readonly<
    Record<string, { readonly architecture: string; readonly tensors: Readonly<Record<string, string>> }>
  >;
};

describe.each(Object.entries(recorded.models))('%s', (name, { architecture, tensors }) => {
  it('has the tensors that gguf knows by these names, there and back', async () => {
    const files = await openModelFiles(join(FIXTURES, 'models', name));
    const { family } = parseModelConfig(files.config);
    await files.close();
    expect(Object.fromEntries(Object.keys(tensors).map((own) => [own, nameInGguf(family, own)]))).toEqual(tensors);
    for (const [own, there] of Object.entries(tensors)) expect(huggingFaceName(family, there)).toBe(own);
  });

  it('writes metadata under keys that gguf has', async () => {
    const files = await openModelFiles(join(FIXTURES, 'models', name));
    const config = parseModelConfig(files.config);
    const keys = [...ggufConfig(mergedModel({ files, config } as OpenedModel, undefined)).keys()];
    await files.close();
    expect(keys.filter((key) => !key.startsWith(`${architecture}.`))).toEqual([]);
    const known = new Set(recorded.keys);
    expect(keys.map((key) => key.replace(architecture, '{arch}')).filter((key) => !known.has(key))).toEqual([]);
  });
});
