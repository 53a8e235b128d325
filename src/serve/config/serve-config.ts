import { z } from 'zod';
import type { Problem } from '../../core/index.ts';
import { DECODING_PRECISIONS, type DecodingPrecision } from '../../models/index.ts';
import { changed, grouped, option, parseOptions, texts, type GivenOptions } from '../../options/index.ts';
import { TEMPLATE_TIME } from '../../specification/index.ts';
import { UPSTREAM_SCHEMA, upstreamProblems } from '../backends/upstream/upstream-config.ts';
import { hostName } from '../http/guard.ts';
import { MODEL_NAME } from '../models/model-book.ts';
import { FORWARD_SHAPE, forwardProblems } from './forward.ts';
import { LIMIT_SHAPE } from './limits.ts';

const text = z.string().min(1);
const count = z.int().min(1);

/** What is kept of requests and answers. */
const KEPT = grouped('Store', {
  store: option(text.default('preftune-store'), {
    help: 'folder for what is remembered: answers, keys, files, jobs; none keeps nothing',
    isCommon: true,
  }),
  log: option(z.enum(['text', 'metadata', 'off']).default('metadata'), {
    help: 'what is kept of requests: their texts too, what is counted, or nothing',
    isCommon: true,
  }),
  redact: option(z.boolean().default(true), {
    help: 'mask e-mail addresses, numbers and keys in texts before they are written',
  }),
  textDays: option(count.default(30), { help: 'days for which texts are kept' }),
  metadataDays: option(count.default(365), { help: 'days for which what is counted is kept' }),
  feedbackDays: option(count.default(365), {
    help: 'days for which feedback, votes and outcomes of experiments are kept',
  }),
});

const JOBS = grouped('Fine-tuning jobs', {
  jobThreads: option(count.optional(), { help: 'threads of a job', usually: "the machine's cores" }),
  jobsAtOnce: option(count.default(1), { help: 'jobs that train at once, as far as their memory lets them' }),
  maxJobs: option(count.default(100), { help: 'jobs that may wait' }),
});

const ACCESS = grouped('Access', {
  auth: option(z.enum(['keys', 'upstream']).default('keys'), {
    help: 'who checks callers: this server, by keys where there are any, or what stands in front of it',
  }),
  apiKeyEnv: option(text.optional(), {
    help: 'environment variable with a key that may ask, train and read, beside the keys of the store',
  }),
  allowedHosts: option(texts().optional(), {
    help: 'names by which the server may be called; may be repeated',
    usually: 'localhost, and --host',
  }),
  corsOrigins: option(texts().optional(), {
    help: 'origins of web pages that may call it; may be repeated',
    usually: 'none',
  }),
  adapterRoot: option(texts().optional(), {
    help: 'folder from which adapters may be loaded over HTTP; may be repeated',
    usually: 'none',
  }),
});

/** A model beside the first, in a configuration file. */
const MODEL_ENTRY = z.strictObject({
  name: text.regex(MODEL_NAME, 'must be letters, digits and . _ : / - inside'),
  model: text,
  /** Adapters by the names under which they are served. */
  adapters: z.record(text.regex(MODEL_NAME, 'must be letters, digits and . _ : / - inside'), text).optional(),
  basePrecision: z.enum(DECODING_PRECISIONS).default('float32'),
  threads: count.optional(),
});

export interface ModelEntry {
  readonly name: string;
  readonly model: string;
  readonly adapters: ReadonlyMap<string, string>;
  readonly basePrecision: DecodingPrecision;
  readonly threads: number | undefined;
}

/** Everything that decides what a server does: the options of `preftune serve`. */
export const SERVE_SETTINGS = z.strictObject({
  model: option(text.optional(), {
    help: 'folder, .gguf file or hub id; MODEL+ADAPTER, RUN, RUN@step-N, RUN@best',
    alias: '-m',
    isCommon: true,
  }),
  servedModelName: option(text.optional(), {
    help: 'the name by which clients ask for the model',
    usually: 'the last part of its path',
  }),
  adapters: option(texts().optional(), {
    help: 'NAME=FOLDER of a PEFT adapter, or NAME=RUN, served under NAME; may be repeated',
    alias: '--adapter',
    isCommon: true,
  }),
  models: option(z.array(MODEL_ENTRY).optional(), {
    help: 'more models, in --config: a list of name, model, adapters, basePrecision, threads',
  }),
  upstreams: option(z.array(UPSTREAM_SCHEMA).optional(), {
    help: 'other servers that answer under names of their own, in --config: a list (docs/serving.md)',
  }),
  aliases: option(texts().optional(), { help: 'NAME=MODEL: another name for a model; may be repeated' }),
  host: option(text.default('127.0.0.1'), {
    help: 'address to listen on; others than loopback need a key',
    isCommon: true,
  }),
  port: option(z.int().min(0).max(65_535).default(8000), {
    help: 'port to listen on; 0: any that is free',
    isCommon: true,
  }),
  basePrecision: option(z.enum(DECODING_PRECISIONS).default('float32'), {
    help: 'how the matrices of the model are kept: whole, or in fewer bytes',
  }),
  ...KEPT,
  ...JOBS,
  ...ACCESS,
  ...FORWARD_SHAPE,
  ...LIMIT_SHAPE,
  templateTime: changed(TEMPLATE_TIME, { usually: 'now' }),
  ...grouped('Machine', {
    batchSize: option(count.default(8), { help: 'answers under way at once' }),
    device: option(z.enum(['cpu', 'webgpu', 'cuda']).default('cpu'), { help: 'where models run', isCommon: true }),
    threads: option(count.optional(), { help: 'threads of the cpu', usually: "the machine's cores" }),
  }),
});
export type ServeSettings = z.output<typeof SERVE_SETTINGS>;

/** Settings with their defaults. Throws bad-input with every problem. */
export function parseServeSettings(
  given: GivenOptions,
  environment: Readonly<Record<string, string | undefined>> = {},
): ServeSettings {
  return parseOptions(SERVE_SETTINGS, given, (settings) => serveProblems(settings, { environment, given }));
}

/** Pairs of NAME=VALUE, and what is wrong with them. */
export function namedPairs(
  path: 'adapters' | 'aliases',
  words: string | readonly string[] | undefined,
): { readonly pairs: readonly (readonly [string, string])[]; readonly problems: readonly Problem[] } {
  const flag = path === 'adapters' ? '--adapter' : '--aliases';
  const problems: Problem[] = [];
  const pairs: (readonly [string, string])[] = [];
  for (const word of words === undefined ? [] : [words].flat()) {
    const at = word.indexOf('=');
    const [name, value] = [word.slice(0, at), word.slice(at + 1)];
    if (at <= 0 || value === '') problems.push({ path, message: `${flag} must be NAME=VALUE, got ${word}` });
    else if (!MODEL_NAME.test(name))
      problems.push({ path, message: `${flag} must have a name of letters, digits and . _ : / - inside, got ${name}` });
    else if (pairs.some(([other]) => other === name))
      problems.push({ path, message: `${flag} must name each once, got ${name} twice` });
    else pairs.push([name, value]);
  }
  return { pairs, problems };
}

/** What the combination of settings rules out, all of it. */
export function serveProblems(
  settings: ServeSettings,
  {
    environment,
    given,
  }: { readonly environment: Readonly<Record<string, string | undefined>>; readonly given: GivenOptions },
): Problem[] {
  const problems: Problem[] = [];
  const fail = (path: keyof ServeSettings, message: string): void => void problems.push({ path, message });
  const { servedModelName, store, log, apiKeyEnv } = settings;
  if (servedModelName !== undefined && !MODEL_NAME.test(servedModelName))
    fail('servedModelName', `--served-model-name must be letters, digits and . _ : / - inside, got ${servedModelName}`);
  problems.push(
    ...namedPairs('adapters', settings.adapters).problems,
    ...namedPairs('aliases', settings.aliases).problems,
  );
  const { model } = settings;
  problems.push(...upstreamProblems(settings.upstreams ?? [], environment));
  if (model === undefined && given['models'] === undefined && given['upstreams'] === undefined)
    fail('model', '--model must be given, or models or upstreams in --config; got none');
  if (model === undefined && settings.adapters !== undefined)
    fail('adapters', '--adapter has no effect without --model; write adapters into the model of --config');
  if (model === undefined && servedModelName !== undefined)
    fail('servedModelName', '--served-model-name has no effect without --model; leave it out');
  if (store === 'none' && log === 'text' && settings.forward === undefined)
    fail('log', '--log text has no effect with --store none; name a folder');
  problems.push(...forwardProblems(settings, environment));
  if (apiKeyEnv !== undefined) {
    const key = environment[apiKeyEnv];
    if (key === undefined || key === '')
      fail(
        'apiKeyEnv',
        `--api-key-env must name a variable that is set, got ${apiKeyEnv}, which is ${key === '' ? 'empty' : 'not set'}`,
      );
    else if (key.length < MIN_KEY_LENGTH)
      fail(
        'apiKeyEnv',
        `--api-key-env must name a key of at least ${MIN_KEY_LENGTH} characters, got ${key.length} of them`,
      );
  }
  for (const origin of settings.corsOrigins === undefined ? [] : [settings.corsOrigins].flat()) {
    const url = URL.canParse(origin) ? new URL(origin) : undefined;
    if (url?.origin !== origin)
      fail(
        'corsOrigins',
        `--cors-origins must be an origin such as https://example.com, got ${origin}${origin === '*' ? ', which would let every page ask' : ''}`,
      );
  }
  for (const host of settings.allowedHosts === undefined ? [] : [settings.allowedHosts].flat())
    if (hostName(host) !== host.toLowerCase() || /[/*]/.test(host))
      fail('allowedHosts', `--allowed-hosts must be a name without port, got ${host}`);
  return problems;
}

const MIN_KEY_LENGTH = 16;

/** The models that the settings name, the first one first. */
export function modelEntries(settings: ServeSettings, usualName: (model: string) => string): ModelEntry[] {
  const { model, servedModelName, basePrecision, threads, models = [] } = settings;
  const adapters = new Map(namedPairs('adapters', settings.adapters).pairs);
  const first =
    model === undefined ? [] : [{ name: servedModelName ?? usualName(model), model, adapters, basePrecision, threads }];
  const others = models.map((entry) => ({
    ...entry,
    adapters: new Map(Object.entries(entry.adapters ?? {})),
    threads: entry.threads ?? threads,
  }));
  return [...first, ...others];
}
