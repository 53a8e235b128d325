import type { Checkpoint, ModelFiles } from '../../formats/index.ts';
import { EMBEDDING_NAME, HEAD_NAME, type ModelConfig } from '../../models/index.ts';

/** A model whose configuration says of the head what its weights say. */
export interface ResolvedHead {
  readonly files: ModelFiles;
  readonly config: ModelConfig;
  /** What a user should know of it. */
  readonly notes: readonly string[];
}

/**
 * A config.json may tie the head to the embedding while the file has a head of its own. Where the two differ the head is used, as Transformers does: it
 * is what merging an adapter on the head leaves. Where the head alone is there, it is the embedding too: of two shared tensors some writers keep one.
 */
export async function resolveHead(files: ModelFiles, config: ModelConfig): Promise<ResolvedHead> {
  const { checkpoint } = files;
  if (!config.tiedHead || !checkpoint.entries.has(HEAD_NAME)) return { files, config, notes: [] };
  if (!checkpoint.entries.has(EMBEDDING_NAME))
    return { files: { ...files, checkpoint: withName(checkpoint, EMBEDDING_NAME, HEAD_NAME) }, config, notes: [] };
  if (await areEqual(checkpoint)) return { files, config, notes: [] };
  return {
    files: { ...files, config: { ...files.config, tie_word_embeddings: false } },
    config: { ...config, tiedHead: false },
    notes: [
      `config.json ties the head to the embedding, but ${HEAD_NAME} is another matrix than ${EMBEDDING_NAME}: it is used as the head, as Transformers does`,
    ],
  };
}

async function areEqual(checkpoint: Checkpoint): Promise<boolean> {
  const [head, embedding] = [checkpoint.entries.get(HEAD_NAME)!, checkpoint.entries.get(EMBEDDING_NAME)!];
  if (head.shape.join() !== embedding.shape.join()) return false;
  const ours = await checkpoint.readFloat32(HEAD_NAME);
  const theirs = await checkpoint.readFloat32(EMBEDDING_NAME);
  return ours.every((value, i) => value === theirs[i]);
}

/** The weights, one of them under another name. */
function withName(checkpoint: Checkpoint, name: string, stored: string): Checkpoint {
  const entries = new Map([...checkpoint.entries].filter(([own]) => own !== stored));
  entries.set(name, { ...checkpoint.entries.get(stored)!, name });
  return {
    ...checkpoint,
    entries,
    readFloat32: (wanted, into) => checkpoint.readFloat32(wanted === name ? stored : wanted, into),
  };
}
