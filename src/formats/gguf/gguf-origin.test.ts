import { expect, test } from 'vitest';
import { originOf } from './gguf-origin.ts';

const HUB = 'https://huggingface.co';
const INSTRUCT = 'HuggingFaceTB/SmolLM2-135M-Instruct';
const PRETRAINED = 'HuggingFaceTB/SmolLM2-135M';

/** What convert_hf_to_gguf.py writes for a folder whose card says `base_model: HuggingFaceTB/SmolLM2-135M`. */
const CONVERTED = {
  'general.name': 'SmolLM2 135M Instruct',
  'general.organization': 'HuggingFaceTB',
  'general.base_model.count': 1,
  'general.base_model.0.name': 'SmolLM2 135M',
  'general.base_model.0.organization': 'HuggingFaceTB',
  'general.base_model.0.repo_url': `${HUB}/${PRETRAINED}`,
};

test.each([
  ['nothing', {}, {}],
  ['the parent of its card', CONVERTED, { parent: PRETRAINED }],
  ['its source beside it', { ...CONVERTED, 'general.source.repo_url': `${HUB}/${INSTRUCT}/` }, { source: INSTRUCT }],
  [
    'a copy of the same name',
    { ...CONVERTED, 'general.base_model.0.repo_url': `${HUB}/${INSTRUCT}` },
    { source: INSTRUCT },
  ],
  ['a base and no name', { 'general.base_model.0.repo_url': `${HUB}/${INSTRUCT}` }, { source: INSTRUCT }],
  ['files before 2024', { 'general.source.huggingface.repository': INSTRUCT }, { source: INSTRUCT }],
  ['its own GGUF repository', { 'general.repo_url': `${HUB}/${INSTRUCT}-GGUF` }, {}],
  ['a merge of two', { ...CONVERTED, 'general.base_model.count': 2 }, {}],
  ['another host', { 'general.source.url': 'https://example.org/a/b' }, {}],
  [
    'a title as organisation',
    { 'general.base_model.0.organization': 'Some Lab', 'general.base_model.0.name': 'Some Model' },
    {},
  ],
])('%s', (_what, metadata, origin) => {
  expect(originOf(new Map<string, string | number>(Object.entries(metadata)))).toEqual(origin);
});
