/** A model's weights on disk, whatever the format: names and shapes as Hugging Face's safetensors have them. */
export interface Checkpoint {
  /** Hugging Face names (model.layers.0.self_attn.q_proj.weight), in file order. Shapes are [out, in] for projections. */
  readonly entries: ReadonlyMap<string, CheckpointEntry>;
  /**
   * The tensor in float32: exact for F32, F16 and BF16, and for GGUF's blocks the value that ggml's dequantisation gives.
   * Written into `into` when given (its length must fit), else into a new array. No second copy of the tensor is held.
   */
  readFloat32(name: string, into?: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer>>;
  /** Hex digest over names, shapes, types and stored bytes: the identity of the weights. Computed once, then remembered. */
  fingerprint(): Promise<string>;
  close(): Promise<void>;
}

export interface CheckpointEntry {
  readonly name: string;
  /** How it is stored: F32, F16, BF16, or a GGUF block type such as Q4_K. */
  readonly storedType: string;
  readonly shape: readonly number[];
  /** Bytes on disk. */
  readonly sizeBytes: number;
}

/** Everything that a model's folder, GGUF file or hub snapshot says, read but not interpreted. */
export interface ModelFiles {
  /** What the user named. */
  readonly location: string;
  readonly format: 'huggingface' | 'gguf' | 'llama2c';
  /** config.json, or for GGUF the config.json that its metadata stand for (architectures, hidden_size, rope_theta, ...). */
  readonly config: Readonly<Record<string, unknown>>;
  /** generation_config.json, when there is one. */
  readonly generationConfig: Readonly<Record<string, unknown>> | undefined;
  readonly tokenizer: TokenizerFiles;
  readonly checkpoint: Checkpoint;
  /** Where a GGUF file says that its model comes from. */
  readonly origin?: ModelOrigin;
  close(): Promise<void>;
}

/** Repositories of the hub, owner/name. */
export interface ModelOrigin {
  /** The same model before it was made a GGUF file. */
  readonly source?: string;
  /** A model that this one was trained from, and so another one. */
  readonly parent?: string;
}

/** The sources of a tokenizer, as tokenizer/ takes them. */
export type TokenizerFiles =
  | {
      readonly kind: 'huggingface';
      /** tokenizer.json */
      readonly tokenizerJson: unknown;
      /** tokenizer_config.json */
      readonly tokenizerConfig: Readonly<Record<string, unknown>> | undefined;
      /** chat_template.jinja, or the template inside chat_template.json; tokenizer_config.json may hold one too. */
      readonly chatTemplate: string | undefined;
      /** special_tokens_map.json */
      readonly specialTokensMap: Readonly<Record<string, unknown>> | undefined;
    }
  | {
      readonly kind: 'gguf';
      /** The metadata keys that start with tokenizer. */ readonly metadata: ReadonlyMap<string, unknown>;
    }
  | { readonly kind: 'llama2c'; readonly tokens: readonly Uint8Array[]; readonly scores: Float32Array }
  | { readonly kind: 'none'; /** What is missing. */ readonly reason: string };
