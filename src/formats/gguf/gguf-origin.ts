/** Where a GGUF file says that its model comes from. */
import type { ModelOrigin } from '../checkpoint.ts';
import type { GgufHeader } from './gguf-header.ts';

/** Keys that name the model itself, the surest first. Source: gguf-py, constants.py and metadata.py; the third is of files before 2024. */
const OWN_KEYS = [
  'general.source.repo_url',
  'general.source.url',
  'general.source.huggingface.repository',
  'general.repo_url',
  'general.url',
];

/**
 * The hub's repositories that the metadata name. llama.cpp's converter writes `general.source.*` from the model's own card where that says it, and
 * `general.base_model.0.*` from the card's `base_model`: the model that this one was trained from. That is the same model only where it has the same name, as in files
 * that were made from another copy of it, or where the file has no name. A repository of GGUF files is not the model that a library could load.
 */
export function originOf(metadata: GgufHeader['metadata']): ModelOrigin {
  const text = (key: string): string | undefined => {
    const value = metadata.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const own = OWN_KEYS.map((key) => repositoryOf(text(key))).find((id) => id !== undefined && !/gguf/i.test(id));
  if (own !== undefined) return { source: own };
  const organisation = text('general.base_model.0.organization');
  const baseName = text('general.base_model.0.name');
  const named = organisation !== undefined && baseName !== undefined ? `${organisation}/${baseName}` : undefined;
  const base = repositoryOf(text('general.base_model.0.repo_url')) ?? repositoryOf(named);
  if (base === undefined || /gguf/i.test(base) || Number(metadata.get('general.base_model.count') ?? 1) > 1) return {};
  const name = text('general.name');
  const isSame = name === undefined || plain(name) === plain(base.split('/')[1]!);
  return isSame ? { source: base } : { parent: base };
}

/** owner/name of an address of the hub, or of the name itself. */
function repositoryOf(text: string | undefined): string | undefined {
  return /^(?:https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/)?([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)\/?$/.exec(
    text?.trim() ?? '',
  )?.[1];
}

/** Names as titles and as parts of an id are one: "SmolLM2 135M Instruct". */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '');
}
