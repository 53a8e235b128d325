import fc from 'fast-check';

/** Requests that are right, of which others are made. */
const SEEDS = [
  {
    path: '/v1/chat/completions',
    body: {
      model: 'embedded-model',
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: [{ type: 'text', text: 'What is a dog?' }] },
      ],
      max_tokens: 1,
      temperature: 0.5,
      top_p: 0.9,
      n: 1,
      seed: 3,
      stop: ['x'],
      logprobs: true,
      top_logprobs: 2,
      logit_bias: { '5': 2 },
      metadata: { a: 'b' },
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'x', schema: { type: 'object', properties: { a: { type: 'integer' } } } },
      },
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
      stream: false,
      user: 'u',
    },
  },
  {
    path: '/v1/completions',
    body: {
      model: 'embedded-model',
      prompt: ['A dog', 'A cat'],
      max_tokens: 1,
      echo: true,
      logprobs: 2,
      n: 1,
      stop: 'x',
    },
  },
  { path: '/tokenize', body: { model: 'embedded-model', prompt: 'A dog', add_special_tokens: true } },
  { path: '/detokenize', body: { model: 'embedded-model', tokens: [1, 2, 3] } },
  { path: '/v1/load_lora_adapter', body: { lora_name: 'a', lora_path: '../../etc/passwd', load_inplace: true } },
  { path: '/v1/unload_lora_adapter', body: { lora_name: 'embedded-model' } },
  {
    path: '/v1/fine_tuning/jobs',
    body: {
      model: 'embedded-model',
      training_file: 'file-1',
      suffix: 's',
      method: { type: 'dpo', dpo: { hyperparameters: { beta: 0.1 } } },
    },
  },
  // No keys: the first one closes the server to those that come without.
  { path: '/v1/preftune/keys', body: { name: 'n', scopes: [] } },
] as const;

/** Values that have broken servers. */
const NASTY = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    0,
    -1,
    1e308,
    -1e308,
    5e-324,
    2 ** 53,
    1.5,
    [],
    {},
    '\0',
    '\ud800',
    '../../../etc/passwd',
    "'; DROP TABLE inferences; --",
    '{{ 7*7 }}{% for x in range(10**9) %}{% endfor %}',
    '<|im_end|>',
    '__proto__',
    'constructor',
    'x'.repeat(5000),
    Array.from({ length: 300 }, () => 'x'),
    { $ref: '#' },
    { type: 'object', properties: { a: { $ref: '#' } } },
    { pattern: '(a+)+$', type: 'string' },
    { enum: Array.from({ length: 5000 }, (_, i) => i) },
    { type: 'array', minItems: 1e9, items: {} },
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

type Path = readonly (string | number)[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, inner]) =>
      pathsOf(inner, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ];
}

function withChange(value: unknown, path: Path, change: (old: unknown) => unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return change(value);
  if (Array.isArray(value)) return value.map((item, at) => (at === first ? withChange(item, rest, change) : item));
  // What stood here was changed before.
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === first ? withChange(item, rest, change) : item]),
  );
}

export interface MutatedRequest {
  readonly path: string;
  /** As it is sent: JSON, or what was JSON before bytes were changed. */
  readonly body: string;
}

/** Requests of which one to three fields have another value, another name or none; some with bytes of their text cut or doubled. */
export const mutatedRequest: fc.Arbitrary<MutatedRequest> = fc.constantFrom(...SEEDS).chain(({ path, body }) => {
  const paths = pathsOf(body);
  const change = fc.record({
    at: fc.nat(paths.length - 1),
    kind: fc.constantFrom('value', 'value', 'value', 'drop', 'rename'),
    value: NASTY,
    name: fc.oneof(fc.constantFrom('__proto__', 'api_base', 'max_tokens', 'best_of', 'suffix'), fc.string()),
  });
  return fc
    .record({ changes: fc.array(change, { minLength: 1, maxLength: 3 }), cut: fc.option(fc.nat(), { freq: 20 }) })
    .map(({ changes, cut }) => {
      let mutated: unknown = body;
      for (const { at, kind, value, name } of changes) {
        const place = paths[at]!;
        if (kind === 'value' || place.length === 0) mutated = withChange(mutated, place, () => value);
        else
          mutated = withChange(mutated, place.slice(0, -1), (owner) => {
            if (Array.isArray(owner) || typeof owner !== 'object' || owner === null) return owner;
            const entries = Object.entries(owner).flatMap(([key, item]): [string, unknown][] =>
              key !== place.at(-1) ? [[key, item]] : kind === 'drop' ? [] : [[name, item]],
            );
            return Object.fromEntries(entries);
          });
      }
      const text = JSON.stringify(mutated);
      return { path, body: cut === null ? text : text.slice(0, cut % (text.length + 1)) };
    });
});
