import { badInput, type HostTensor, type Problem } from '../core/index.ts';
import { readFiniteFloat32, type AdapterFolder, type Checkpoint, type WritableTensor } from '../formats/index.ts';
import {
  adaptablePaths,
  EMBEDDING_PATH,
  HEAD_PATH,
  loraNames,
  loraParameterSpecs,
  moduleShape,
  moduleWeightName,
  textName,
  type ModelConfig,
  type ParameterSpec,
} from '../models/index.ts';
import { configProblems, describedAdapter, type Adapter } from './adapter-config.ts';
import { anchorTensors } from './adapter-start.ts';
import { rankProblems } from './reading/adapter-numbers.ts';

const PREFIX = 'base_model.model.';

/** An adapter with its tensors, A0 and B0 of an anchored one among them. */
export interface ReadAdapter extends Adapter {
  readonly weights: ReadonlyMap<string, HostTensor>;
  readonly fingerprint: string;
}

/**
 * The adapter of a PEFT LoRA folder whose files are open, for a model; they stay the caller's. `path` names it in messages. The modules and ranks are those of the stored tensors. An adapter that PEFT started as PiSSA or OLoRA and did
 * not convert belongs to what they left of the base; with `base`, the model's weights, that is computed again, without it the
 * adapter is only checked. Throws bad-input with all problems: another kind of adapter, options that preftune does not compute, tensors that
 * do not fit the model, ranks that are not those of the configuration, an embedding or head beside the adapter that is not the model's, NaN.
 */
export async function understandAdapter(
  path: string,
  { config: peft, checkpoint: stored }: AdapterFolder,
  { config, base }: { readonly config: ModelConfig; readonly base?: Checkpoint | undefined },
): Promise<ReadAdapter> {
  const checkpoint = withUsualNames(stored);
  const problems: Problem[] = configProblems(peft).map((message) => ({ file: path, message }));
  const adapter = describedAdapter(peft, ranksOf(config, checkpoint));
  const specs = loraParameterSpecs(config, adapter.lora);
  const copies = baseCopies(config).filter(
    ({ name, shape }) => checkpoint.entries.get(name)?.shape.join() === shape.join(),
  );
  const ranks = rankProblems(checkpoint, { peft, config, prefix: PREFIX });
  problems.push(...ranks.problems.map((message) => ({ file: path, message })));
  const unfit = tensorProblems(checkpoint, { config, specs, copies, told: ranks.told });
  problems.push(...asOneModel(unfit, { path, peft, checkpoint, config }).map((message) => ({ file: path, message })));
  if (adapter.lora.targets.length === 0 && problems.length === 0)
    problems.push({ file: path, message: 'the adapter must adapt at least one module, it holds none' });
  if (problems.length > 0) throw badInput(problems);
  const weights = new Map<string, HostTensor>();
  for (const { name, shape } of specs) {
    weights.set(name, { dtype: 'float32', shape, data: await readFiniteFloat32(checkpoint, `${PREFIX}${name}`) });
  }
  if (base !== undefined) {
    for (const copy of copies) await requireSameBase(path, { copy, checkpoint, base });
    for (const [name, tensor] of await anchorTensors({ config, adapter, base })) weights.set(name, tensor);
  }
  return { ...adapter, weights, fingerprint: await checkpoint.fingerprint() };
}

function ranksOf(config: ModelConfig, { entries }: Checkpoint): Map<string, number> {
  const ranks = new Map<string, number>();
  for (const path of adaptablePaths(config)) {
    const entry = entries.get(`${PREFIX}${loraNames(path).a}`);
    if (entry !== undefined) ranks.set(path, entry.shape[0] ?? 0);
  }
  return ranks;
}

interface BaseCopy extends ParameterSpec {
  /** The model's own weight, which it must be. */
  readonly weight: string;
}

/** PEFT saves embedding and head beside adapters on one of them, and with save_embedding_layers beside any. */
function baseCopies(config: ModelConfig): BaseCopy[] {
  return [EMBEDDING_PATH, HEAD_PATH].flatMap((path) =>
    ['.base_layer.weight', '.weight'].map((ending) => ({
      name: `${PREFIX}${path}${ending}`,
      shape: path === EMBEDDING_PATH ? moduleShape(config, path).toReversed() : moduleShape(config, path),
      weight: moduleWeightName(config, path),
    })),
  );
}

/** What wrappers of models put in front of names, and what older files put into them. */
const WRAPPERS = /^(?:_orig_mod\.|module\.|_fsdp_wrapped_module\.)+|(?<=\.)(?:_orig_mod\.|_fsdp_wrapped_module\.)/g;

/** The name that PEFT writes today: `base_model.model.` in front, no name of the adapter inside, no wrapper's words. */
function usualName(name: string): string {
  const bare = name
    .replaceAll(WRAPPERS, '')
    .replace(/(\.lora_(?:A|B|embedding_A|embedding_B|magnitude_vector))\.default(?=\.|$)/, '$1');
  // An adapter of a text part may have been made over the whole model.
  const inside = bare.startsWith(PREFIX) ? bare.slice(PREFIX.length) : bare;
  const own = textName(inside) ?? inside;
  return bare.startsWith(PREFIX) || /^(?:model\.|lm_head\.)/.test(own) ? `${PREFIX}${own}` : bare;
}

/** The adapter's file with the usual names, whichever it has. */
function withUsualNames(stored: Checkpoint): Checkpoint {
  const names = new Map([...stored.entries.keys()].map((name) => [usualName(name), name]));
  // Two spellings of one name are not put together.
  if (names.size < stored.entries.size || [...names].every(([usual, name]) => usual === name)) return stored;
  const entries = new Map([...names].map(([usual, name]) => [usual, { ...stored.entries.get(name)!, name: usual }]));
  return { ...stored, entries, readFloat32: (name, into) => stored.readFloat32(names.get(name) ?? name, into) };
}

function tensorProblems(
  { entries }: Checkpoint,
  {
    config,
    specs,
    copies,
    told,
  }: {
    readonly config: ModelConfig;
    readonly specs: readonly ParameterSpec[];
    readonly copies: readonly ParameterSpec[];
    readonly told: ReadonlySet<string>;
  },
): string[] {
  const problems: string[] = [];
  const prefixed = specs.map(({ name, shape }) => [`${PREFIX}${name}`, shape] as const);
  const wanted = new Map([...prefixed, ...copies.map(({ name, shape }) => [name, shape] as const)]);
  const whole = new Set(baseCopies(config).map(({ name }) => name));
  for (const [name, entry] of entries) {
    const shape = wanted.get(name);
    if (shape !== undefined) {
      if (shape.join() !== entry.shape.join() && !told.has(name))
        problems.push(`tensor ${name} must have the shape [${shape.join(', ')}], got [${entry.shape.join(', ')}]`);
    } else if (whole.has(name))
      problems.push(
        `tensor ${name} must have the ${config.vocabularySize} rows of the model, got [${entry.shape.join(', ')}]; the vocabulary was resized when it was trained: resize the model in the same way first`,
      );
    else
      problems.push(
        `tensor ${name} must belong to a module of the model, it does not; the adapter was made for another model`,
      );
  }
  for (const name of wanted.keys())
    if (!entries.has(name)) problems.push(`tensor ${name} must be there, it is missing`);
  return problems;
}

/** Tensors that do not fit are told one by one up to so many; more are another model's. */
const MOST_TENSOR_PROBLEMS = 3;

/** Where many tensors do not fit, the adapter is another model's: which one, what differs, and what to name. */
function asOneModel(
  unfit: readonly string[],
  {
    path,
    peft,
    checkpoint,
    config,
  }: {
    readonly path: string;
    readonly peft: Readonly<Record<string, unknown>>;
    readonly checkpoint: Checkpoint;
    readonly config: ModelConfig;
  },
): readonly string[] {
  const empty = [...checkpoint.entries.values()].filter(({ shape }) => shape.includes(0));
  if (empty.length > 0)
    return [
      `the adapter's tensors must hold numbers, ${empty.length} hold none, such as ${empty[0]!.name} [${empty[0]!.shape.join(', ')}]; it was saved while its parts lay on several devices (DeepSpeed ZeRO-3): gather them and save it again`,
    ];
  // A file that lacks tensors is damaged.
  const isOther = unfit.some((text) => !text.endsWith('it is missing'));
  if (unfit.length <= MOST_TENSOR_PROBLEMS || !isOther) return unfit;
  const base = peft['base_model_name_or_path'];
  const known = typeof base === 'string' && base !== '' ? base : undefined;
  const model = known === undefined ? 'another model' : `${known} (base_model_name_or_path)`;
  const instead = known === undefined ? 'the model that it was made for' : `--model ${known} --adapter ${path}`;
  return [
    `the adapter must be made for a model of this shape, got one for ${model}: ${differenceOf(checkpoint, config)}; name ${instead}. ${unfit.length} tensors do not fit, the first: ${unfit[0]}`,
  ];
}

/** In what an adapter's model differs from this one, as far as its tensors tell. */
function differenceOf({ entries }: Checkpoint, config: ModelConfig): string {
  const layers = [...entries.keys()].flatMap((name) => /\.layers\.(\d+)\./.exec(name)?.[1] ?? []);
  const most = layers.reduce((highest, one) => Math.max(highest, Number(one)), -1) + 1;
  const into = entries.get([...entries.keys()].find((name) => name.endsWith('q_proj.lora_A.weight')) ?? '')?.shape[1];
  const parts = [
    ...(into === undefined || into === config.hiddenSize
      ? []
      : [`its width is ${into}, this model's ${config.hiddenSize}`]),
    ...(most <= config.layers ? [] : [`it has ${most} layers, this model ${config.layers}`]),
  ];
  return parts.length === 0 ? 'its modules are others' : parts.join(', ');
}

/** Two files may hold a weight in different precisions: bfloat16 has 8 bits. */
const COPY_TOLERANCE = 2 ** -7;

async function requireSameBase(
  file: string,
  { copy, checkpoint, base }: { copy: BaseCopy; checkpoint: Checkpoint; base: Checkpoint },
): Promise<void> {
  const [ours, theirs] = [await base.readFloat32(copy.weight), await checkpoint.readFloat32(copy.name)];
  const differs = ours.some((value, i) => !(Math.abs(value - theirs[i]!) <= COPY_TOLERANCE * (Math.abs(value) + 1e-3)));
  if (differs)
    throw badInput({
      file,
      message: `tensor ${copy.name} must be the model's own ${copy.weight}, it differs; the adapter trained it whole, which preftune does not compute, or was made on another base: merge it with PEFT first`,
    });
}

/** A matrix [rows, columns] row by row with `right` [rows, more], negated, on its right. */
function besideNegated(left: Float32Array, right: Float32Array, rows: number): Float32Array {
  const [columns, more] = [left.length / rows, right.length / rows];
  const joined = new Float32Array(left.length + right.length);
  for (let row = 0; row < rows; row++) {
    joined.set(left.subarray(row * columns, (row + 1) * columns), row * (columns + more));
    for (let i = 0; i < more; i++) joined[row * (columns + more) + columns + i] = -right[row * more + i]!;
  }
  return joined;
}

/** The tensors of an adapter's file: its own, or of an anchored one A over A0 and B beside -B0, which applies to the base as it is. */
export function writtenTensors(
  { lora }: Adapter,
  { config, read }: { config: ModelConfig; read: (name: string) => Promise<Float32Array> },
): WritableTensor[] {
  if (lora.anchored !== true)
    return loraParameterSpecs(config, lora).map(({ name, shape }) => ({
      name: `${PREFIX}${name}`,
      shape,
      read: () => read(name),
    }));
  return lora.targets.flatMap(({ path, rank }) => {
    const { a, b, anchorA, anchorB } = loraNames(path);
    const [out, into] = moduleShape(config, path);
    return [
      {
        name: `${PREFIX}${a}`,
        shape: [2 * rank, into],
        read: async () => {
          const joined = new Float32Array(2 * rank * into);
          joined.set(await read(a));
          joined.set(await read(anchorA), rank * into);
          return joined;
        },
      },
      {
        name: `${PREFIX}${b}`,
        shape: [out, 2 * rank],
        read: async () => besideNegated(await read(b), await read(anchorB), out),
      },
    ];
  });
}

/** An adapter as its folder would be read again, without writing it: an anchored one is a plain one of twice the rank. */
export async function adapterAsWritten(
  adapter: Adapter,
  { config, read }: { config: ModelConfig; read: (name: string) => Promise<Float32Array> },
): Promise<Omit<ReadAdapter, 'fingerprint'>> {
  const weights = new Map<string, HostTensor>();
  for (const { name, shape, read: values } of writtenTensors(adapter, { config, read }))
    weights.set(name.slice(PREFIX.length), {
      dtype: 'float32',
      shape,
      data: (await values()) as Float32Array<ArrayBuffer>,
    });
  const ranks = adapter.lora.targets.map(({ path }) => [path, weights.get(loraNames(path).a)!.shape[0]!] as const);
  return { ...describedAdapter(adapter.peftConfig, new Map(ranks)), weights };
}
