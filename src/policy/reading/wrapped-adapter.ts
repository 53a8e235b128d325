import type { WritableTensor } from '../../formats/index.ts';
import type { ModelConfig } from '../../models/index.ts';

/** What an adapter's folder holds. */
interface AdapterFiles {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly WritableTensor[];
}

/** Parts of a model that are no text, whose modules may be called as the text's are. */
const OTHER_PARTS = String.raw`.*(?:vision_tower|multi_modal_projector)\..*`;

/**
 * An adapter of a text part as PEFT knows it over the whole model: its modules under `textPath`, and no module of another part. Files of a
 * model that stands alone are given back as they are. Without this PEFT loads such an adapter with a warning, and nothing of it counts.
 */
export function wrappedAdapter({ textPath }: ModelConfig, files: AdapterFiles): AdapterFiles {
  if (textPath === undefined) return files;
  const path = (own: string): string => own.replace(/^model\./, `${textPath}.`);
  const targets = files.config['target_modules'];
  return {
    config: {
      ...files.config,
      exclude_modules: OTHER_PARTS,
      ...(Array.isArray(targets) ? { target_modules: targets.map((one) => path(String(one))) } : {}),
    },
    tensors: files.tensors.map((tensor) => ({
      ...tensor,
      name: tensor.name.replace(/^base_model\.model\.(.*)$/, (_, own: string) => `base_model.model.${path(own)}`),
    })),
  };
}
