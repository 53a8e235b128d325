import type { Activation, ModelConfig, ModelSizes, ModelTraits } from '../model-config.ts';
import type { RopeRules } from '../rope.ts';
import type { ConfigFields, ConfigJson } from './config-fields.ts';

/** One family of models: everything in which it differs from the others. */
export interface Family {
  /** Its class in Transformers, the one name that `architectures` of a config.json may hold. */
  readonly architecture: string;
  /** What Transformers' configuration class assumes of fields that config.json leaves out. */
  readonly defaults: FamilyDefaults;
  /** How it reads its rope. Fields that are read here are known. Default: as Llama. */
  rope?(fields: ConfigFields): RopeRules;
  /** The field that names the activation, and the words that it may hold; the first is the default and what a GGUF file stands for. */
  readonly activation: { readonly field: string; readonly words: Readonly<Record<string, Activation>> };
  /**
   * The rope of config.json as `rope_theta` with `rope_scaling`, of a family that has it elsewhere or assumes another theta; where layers differ, that
   * of the layers that see everything.
   */
  ropeFields?(config: ConfigJson): ConfigJson;
  /** How it computes. Fields that are read here are known; any other unknown field is refused. Faults go to `fields`. */
  traits(fields: ConfigFields, sizes: ModelSizes): FamilyTraits;
  /** How llama.cpp writes it. */
  readonly gguf: GgufDialect;
}

/** What a family computes in its own way, beside the activation. */
export type FamilyTraits = Omit<ModelTraits, 'activation'>;

export interface FamilyDefaults {
  /** undefined: as many as heads. */
  readonly keyValueHeads: number | undefined;
  /** undefined: hidden size over heads. */
  readonly headSize: number | undefined;
  readonly maxPositions: number;
  readonly tiedHead: boolean;
  /** rms_norm_eps. Default 1e-6. */
  readonly normEpsilon?: number;
}

/** What llama.cpp calls a family's architecture, fields and tensors. Source: llama.cpp, gguf-py/gguf/constants.py and convert_hf_to_gguf.py. */
export interface GgufDialect {
  /** general.architecture */
  readonly architecture: string;
  /** Of families with one architecture: whether a file is this one's. The family without the question takes what the others leave. */
  readonly claims?: (file: GgufFacts) => boolean;
  readonly tensors: GgufTensorNames;
  /** Rows of q and k stand in pairs of a head's halves, for llama.cpp's rope of neighbours. */
  readonly isInterleaved: boolean;
  /** Added to the weights of norms in the file: 1 in Gemma, whose norms multiply by 1 plus their weight. Default: 0. */
  readonly normShift?: number;
  /** llama.cpp lets a token see no further back than the windows that the file says. Default: it lets every token see all. */
  readonly hasWindows?: boolean;
  /** What of a model a file has no words for, so that llama.cpp would compute another: `what must be`, got. Default: nothing. */
  inexpressible?(config: ModelConfig, json: ConfigJson): readonly string[];
  /** Fields of config.json that follow from metadata or tensors and are this family's own, beside those that all have. */
  configFields(file: GgufFacts): Readonly<Record<string, unknown>>;
  /** The other way: metadata of its own, by key behind the architecture (`attention.sliding_window`). */
  metadata(config: ModelConfig, json: ConfigJson): Readonly<Record<string, GgufNumber>>;
  /** Names of tokenizer.ggml.pre that its vocabularies mostly have, the likeliest first. */
  readonly preTokenizers: readonly string[];
}

/** Modules of one layer by llama.cpp's name: blk.N.<name> is model.layers.N.<module>, of weights and biases. */
export type GgufTensorNames = Readonly<Record<string, string>>;

/** What of a GGUF file a family may ask; `key` stands for `<architecture>.<key>`. Faults are reported, and read as undefined. */
export interface GgufFacts {
  /** A finite number. */
  number(key: string): number | undefined;
  /** A whole number above 0. */
  count(key: string): number | undefined;
  /** An array of true and false, one for each layer. */
  flags(key: string): readonly boolean[] | undefined;
  /** By llama.cpp's name: blk.0.attn_q.bias. */
  hasTensor(name: string): boolean;
}

export type GgufNumber =
  | { readonly type: 'uint32' | 'float32'; readonly value: number }
  | { readonly type: 'bools'; readonly value: readonly boolean[] };
