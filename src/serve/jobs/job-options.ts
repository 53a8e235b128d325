import { HYPERPARAMETERS, type JobBody } from '../../api/index.ts';
import { isObject, problemsOf, type JsonObject, type JsonValue } from '../../core/index.ts';
import { parseDpoSpecification, parseSftSpecification } from '../../specification/index.ts';
import { ServeError } from '../serve-error.ts';

/** A job as it was understood: which command does it, and with which options. */
export interface JobPlan {
  readonly recipe: 'dpo' | 'sft';
  /** Options of the command without model, data and output, by their paths. */
  readonly options: JsonObject;
  /** As OpenAI shows them; `auto` where nothing was said. */
  readonly hyperparameters: Readonly<Record<string, number | 'auto'>>;
  /** What of the request is taken otherwise than it may have been meant, for the job's events. */
  readonly notes: readonly string[];
}

/** The learning rates that learning_rate_multiplier multiplies: those that the commands take by themselves. */
export const USUAL_RATES = { dpo: 5e-5, sft: 2e-4 } as const;

/** Options that decide where things lie, or that a job decides itself. */
const NOT_ITS_OWN = new Set([
  'model',
  'adapter',
  'data',
  'heldOut',
  'output',
  'resume',
  'seed',
  'config',
  'json',
  'reference',
  'referenceCache',
  'columns',
  'dryRun',
  'device',
  'overwrite',
]);

interface Finding {
  readonly param: string;
  readonly message: string;
}

/** Inside a name: `..` is in none, and what is refused here would be refused only when the model is there. */
const SUFFIX = /^(?!.*\.\.)[A-Za-z0-9._-]{0,64}$/;

/** What a request for a job comes to, where `isContinued` says that its model is an adapter. Throws ServeError 400 with everything that is wrong; `param` is the first. */
export function planJob(body: JobBody, { isContinued }: { readonly isContinued: boolean }): JobPlan {
  const findings: Finding[] = [];
  const fail = (param: string, message: string): void => void findings.push({ param, message });
  const type = body.method?.type ?? 'supervised';
  if (type === 'reinforcement')
    fail('method.type', 'must be dpo or supervised; reinforcement fine-tuning is not done here');
  const recipe = type === 'dpo' ? 'dpo' : 'sft';
  for (const other of ['dpo', 'supervised', 'reinforcement'] as const)
    if (other !== type && body.method?.[other] !== undefined && body.method[other] !== null)
      fail(`method.${other}`, `has no effect with type ${type}; leave it out`);
  if ((body.integrations ?? []).length > 0)
    fail('integrations', 'are not done here: metrics are events of the job and a CSV; leave it out');
  if (body.suffix !== undefined && body.suffix !== null && !SUFFIX.test(body.suffix))
    fail('suffix', 'must be letters, digits and . _ - only, without two dots in a row');
  const given = numbersOf(body, { recipe, fail });
  const options: Record<string, JsonValue> = {};
  const chosen: Record<string, number | 'auto'> = {};
  /** The fields of the request that options came from, so that faults are told of these. */
  const fields = new Map<string, string>();
  const take = (name: string, option: string, value = given.get(name)?.value): void => {
    chosen[name] = given.get(name)?.value ?? 'auto';
    if (typeof value !== 'number') return;
    options[option] = value;
    fields.set(option, given.get(name)!.param);
  };
  take('batch_size', 'batchSize');
  take('n_epochs', 'epochs');
  const multiplier = given.get('learning_rate_multiplier')?.value;
  take(
    'learning_rate_multiplier',
    'learningRate',
    typeof multiplier === 'number' ? Number((multiplier * USUAL_RATES[recipe]).toPrecision(12)) : undefined,
  );
  if (recipe === 'dpo') take('beta', 'beta');
  if (given.has('l2_multiplier')) take('l2_multiplier', 'optimizer.weightDecay');
  // What `completion` and `all` mean for the loss.
  if (given.get('prompt_loss_weight')?.value === 1 && recipe === 'sft') {
    options['loss'] = 'all';
    fields.set('loss', given.get('prompt_loss_weight')!.param);
  }
  if (given.has('prompt_loss_weight')) chosen['prompt_loss_weight'] = given.get('prompt_loss_weight')!.value;
  // What is left to us is chosen by the number of rows.
  const own = ownOptions(body, fail);
  for (const path of Object.keys(own))
    if (fields.has(path)) fail(fields.get(path)!, `says the same as the option ${path}; leave one of them out`);
  Object.assign(options, own);
  const isLeft = ['batchSize', 'epochs', 'learningRate'].some((name) => options[name] === undefined);
  if (isLeft && own['auto'] === undefined && own['maxSteps'] === undefined) options['auto'] = true;
  if (body.seed !== undefined && body.seed !== null) options['seed'] = body.seed;
  const hasValidation = body.validation_file !== undefined && body.validation_file !== null;
  findings.push(...optionFindings(options, { recipe, hasValidation, isContinued, fields }));
  if (findings.length > 0)
    throw new ServeError(
      400,
      findings
        .map(({ param, message }) => `${param}: ${message}`)
        .join('; ')
        .slice(0, 4000),
      {
        code: 'invalid_value',
        param: findings[0]!.param,
      },
    );
  const notes =
    body.trainingType === undefined || body.trainingType === null
      ? []
      : ['trainingType has no effect: jobs are trained by this server itself'];
  return { recipe, options, hyperparameters: chosen, notes };
}

type Fail = (param: string, message: string) => void;

const HYPERPARAMETER_NAMES = Object.keys(HYPERPARAMETERS) as (keyof typeof HYPERPARAMETERS)[];

/** The numbers of method.dpo.hyperparameters, of Azure's flat form, and of the old places; each may stand once. */
function numbersOf(
  body: JobBody,
  { recipe, fail }: { readonly recipe: 'dpo' | 'sft'; readonly fail: Fail },
): ReadonlyMap<string, { readonly value: number | 'auto'; readonly param: string }> {
  const name = recipe === 'dpo' ? 'dpo' : 'supervised';
  const { hyperparameters: nested, ...flat } = body.method?.[name] ?? {};
  const places = [
    [`method.${name}.hyperparameters`, nested],
    [`method.${name}`, flat],
    ['hyperparameters', body.hyperparameters],
    ['', Object.fromEntries(HYPERPARAMETER_NAMES.map((key) => [key, body[key]]))],
  ] as const;
  const numbers = new Map<string, { readonly value: number | 'auto'; readonly param: string }>();
  for (const [place, values] of places)
    for (const [key, value] of Object.entries(values ?? {})) {
      if (value === undefined || value === null) continue;
      const param = place === '' ? key : `${place}.${key}`;
      if (numbers.has(key)) fail(param, 'must be given once, got it twice');
      else if (key === 'prompt_loss_weight' && recipe === 'dpo' && value !== 'auto' && value !== 0)
        fail(param, 'has no effect with method.type dpo, which compares answers; leave it out');
      else if (key === 'prompt_loss_weight' && value !== 'auto' && value !== 0 && value !== 1)
        fail(
          param,
          `must be 0, for answers alone, or 1, for prompts that count as much; got ${value}, and tokens are counted or not here, with no weight between`,
        );
      else if (key === 'beta' && recipe === 'sft') fail(param, 'has no effect without method.type dpo; leave it out');
      else numbers.set(key, { value, param });
    }
  return numbers;
}

/** Our own options: method.preftune, and `preftune.<option>` of the metadata, for clients that know no other place. */
function ownOptions(body: JobBody, fail: Fail): JsonObject {
  const options: Record<string, JsonValue> = {};
  const take = (param: string, path: string, value: unknown): void => {
    if (NOT_ITS_OWN.has(path.split('.')[0]!)) return fail(param, 'is decided by the job; leave it out');
    if (path === 'method' && value === 'full')
      return fail(
        param,
        'must be lora: a job gives an adapter, which is served beside its base; train every weight with preftune dpo',
      );
    options[path] = value as JsonValue;
  };
  for (const [path, value] of Object.entries(body.method?.preftune ?? {})) take(`method.preftune.${path}`, path, value);
  for (const [key, text] of Object.entries(body.metadata ?? {})) {
    const path = /^preftune\.(.+)$/.exec(key)?.[1];
    if (path !== undefined && path !== 'state') take(`metadata.${key}`, path, jsonOr(text));
  }
  return options;
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

interface OptionContext {
  readonly recipe: 'dpo' | 'sft';
  readonly hasValidation: boolean;
  readonly isContinued: boolean;
  readonly fields: ReadonlyMap<string, string>;
}

/** What the command itself would refuse, told of the fields of the request. */
function optionFindings(options: JsonObject, { recipe, hasValidation, isContinued, fields }: OptionContext): Finding[] {
  const { auto: _, ...own } = options;
  const given = {
    ...nestedOf(own),
    model: 'model',
    data: 'data',
    output: 'output',
    ...(hasValidation && { heldOut: 'held-out' }),
    ...(isContinued && { adapter: 'adapter' }),
  };
  const problems = problemsOf(() => (recipe === 'dpo' ? parseDpoSpecification(given) : parseSftSpecification(given)));
  return problems.map(({ path, message }) => {
    const field = path === undefined ? undefined : fields.get(path);
    return {
      param: field ?? `method.preftune${path === undefined ? '' : `.${path}`}`,
      // The factor is what a client wrote; the rate is what came of it.
      message: field !== undefined && path === 'learningRate' ? 'must be above 0' : message.replace(/^--[\w.-]+ /, ''),
    };
  });
}

/** `lora.rank` as an object in an object. */
function nestedOf(options: JsonObject): JsonObject {
  const nested: Record<string, JsonValue> = {};
  for (const [path, value] of Object.entries(options)) {
    const [first, ...rest] = path.split('.') as [string, ...string[]];
    if (rest.length === 0) nested[first] = value;
    else {
      const inner = nested[first];
      nested[first] = { ...(isObject(inner) ? (inner as JsonObject) : {}), [rest.join('.')]: value };
    }
  }
  return nested;
}
