import { isObject } from '../../core/index.ts';
import type { Checkpoint, CheckpointEntry, ModelFiles } from '../../formats/index.ts';
import { FAMILIES, textName, WRAPPERS } from '../../models/index.ts';

export interface TextPart {
  readonly files: ModelFiles;
  /** ModelConfig's, where it is a part. */
  readonly textPath?: string;
  /** What a user should know of it. */
  readonly notes: readonly string[];
}

/**
 * The files of a model of text alone. Of a model of text and images they are those of its text part (`text_config`, and the weights under
 * `language_model.`), as a model of its own; the parts that are left out are named. Other files are given back as they are.
 */
export function textPart(files: ModelFiles): TextPart {
  const { config, checkpoint } = files;
  const type = config['model_type'];
  const wrapper = typeof type === 'string' && Object.hasOwn(WRAPPERS, type) ? WRAPPERS[type]! : undefined;
  const architectures = Array.isArray(config['architectures']) ? config['architectures'] : [];
  const given = config['text_config'];
  // Anything else is refused by its model_type.
  if (wrapper === undefined || !isObject(given)) return { files, notes: [] };
  const own = given['model_type'] ?? wrapper.family;
  const familyName = [wrapper.family, ...(wrapper.otherFamilies ?? [])].find((one) => one === own);
  if (familyName === undefined || !architectures.every((one) => one === wrapper.architecture))
    return { files, notes: [] };
  const family = FAMILIES[familyName];
  const shared = ['dtype', 'torch_dtype', 'bos_token_id', 'eos_token_id', 'pad_token_id', 'quantization_config'];
  const text = {
    ...wrapper.textDefaults,
    ...Object.fromEntries(shared.filter((name) => config[name] !== undefined).map((name) => [name, config[name]])),
    ...given,
    tie_word_embeddings: config['tie_word_embeddings'] ?? family.defaults.tiedHead,
    architectures: [family.architecture],
    model_type: familyName,
  };
  const left = [...checkpoint.entries.keys()].filter((name) => textName(name) === undefined);
  const parts = [...new Set(left.map((name) => name.replace(/^model\./, '').split('.')[0]!))].toSorted();
  const note =
    `${wrapper.architecture}: its text part is used, as a ${family.architecture}; what is trained or exported has no ` +
    (left.length === 0 ? 'part for images' : `${parts.join(' and no ')} (${left.length} tensors are left out)`);
  return {
    files: { ...files, config: text, checkpoint: renamed(checkpoint) },
    textPath: wrapper.textPath,
    notes: [note],
  };
}

/** The weights of the text part under the names that they have alone. */
function renamed(checkpoint: Checkpoint): Checkpoint {
  const stored = new Map<string, string>();
  const entries = new Map<string, CheckpointEntry>();
  for (const [name, entry] of checkpoint.entries) {
    const own = textName(name);
    if (own === undefined) continue;
    stored.set(own, name);
    entries.set(own, { ...entry, name: own });
  }
  return {
    ...checkpoint,
    entries,
    readFloat32: (name, into) => checkpoint.readFloat32(stored.get(name) ?? name, into),
  };
}
