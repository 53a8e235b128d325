/**
 * Structured output: milliseconds of the mask and the step of a token, of first answers and of later ones, by schema and vocabulary.
 *
 *     tsx bench/grammar.ts [--model FILE_OR_FOLDER ...] [--size 151936] [--repeats 5]
 *
 * Each model's own vocabulary, by default the embedded model's, and a made-up one: words of the SmolLM kind in `size` tokens. The answers are cut into the
 * longest tokens that fit. The first answer of a fresh grammar and vocabulary makes the masks; the later ones find most of them.
 */
import { parseArgs } from 'node:util';
import { createRandom, type JsonObject, type JsonValue } from '../src/core/index.ts';
import { openModelFiles } from '../src/formats/index.ts';
import {
  compileSchema,
  constrain,
  createVocabulary,
  jsonObject,
  type Grammar,
  type VocabularySource,
} from '../src/grammar/index.ts';
import { createTokenizer, tokenBytes } from '../src/tokenizer/index.ts';
import { machine } from './machine.ts';
import { median } from './statistics.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', multiple: true, default: ['assets/embedded-model'] },
    size: { type: 'string', default: '151936' },
    repeats: { type: 'string', default: '5' },
  },
});
const encoder = new TextEncoder();

async function vocabularyOfModel(path: string): Promise<VocabularySource> {
  const files = await openModelFiles(path);
  const tokenizer = createTokenizer(files.tokenizer);
  await files.close();
  return { size: tokenizer.vocabularySize, bytes: tokenBytes(tokenizer), stopIds: tokenizer.stopIds };
}

/** All bytes, and words with and without a space in front, punctuation behind some, and bytes of other scripts. */
function madeUp(size: number): VocabularySource {
  const random = createRandom(1);
  const letters = 'etaoinshrdlucmfwypvbgkqjxz';
  const marks = ['"', '",', '":', '"}', '.', ',', ':', ' "', '{"', ')', '_', '\n', '\\n'];
  const tokens = new Map<string, Uint8Array>();
  for (let byte = 0; byte < 256; byte++) tokens.set(String.fromCharCode(byte), Uint8Array.of(byte));
  while (tokens.size < size - 1) {
    const length = 1 + random.nextInt(9);
    const word = Array.from({ length }, () => letters[Math.min(random.nextInt(26), random.nextInt(26))]).join('');
    const kind = random.nextInt(20);
    const other = String.fromCodePoint(0x3b1 + random.nextInt(20_000)).repeat(1 + random.nextInt(2));
    const text =
      kind < 10 ? ` ${word}` : kind < 16 ? word : kind < 18 ? other : word + marks[random.nextInt(marks.length)]!;
    tokens.set(text, encoder.encode(text));
  }
  return { size, bytes: [undefined, ...tokens.values()], stopIds: [0] };
}

const PERSON: JsonObject = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 60 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    tags: { type: 'array', items: { enum: ['red', 'green', 'blue'] }, maxItems: 5 },
    pets: { type: 'array', items: { anyOf: [{ $ref: '#/$defs/cat' }, { $ref: '#/$defs/dog' }] } },
    notes: { type: 'string' },
  },
  required: ['name', 'age', 'notes'],
  additionalProperties: false,
  $defs: {
    cat: {
      type: 'object',
      properties: { kind: { const: 'cat' }, lives: { type: 'integer' } },
      required: ['kind', 'lives'],
      additionalProperties: false,
    },
    dog: {
      type: 'object',
      properties: { kind: { const: 'dog' }, born: { type: 'string', format: 'date' } },
      required: ['kind', 'born'],
      additionalProperties: false,
    },
  },
};
const ANSWER: JsonValue = {
  name: 'Zoë Müller-Lüdenscheidt 日本',
  age: 42,
  tags: ['red', 'blue', 'green'],
  pets: [
    { kind: 'cat', lives: 9 },
    { kind: 'dog', born: '2024-02-29' },
  ],
  notes:
    'She said "hello", twice.\nThen she left; nobody knows where to, or why. The rest is silence, as they say in plays.',
};

/** The text in the longest tokens that fit at each place. */
function cut(text: string, source: VocabularySource): number[] {
  const ids = new Map(source.bytes.flatMap((token, id) => (token === undefined ? [] : [[token.join(), id] as const])));
  const bytes = encoder.encode(text);
  const out: number[] = [];
  for (let at = 0; at < bytes.length;) {
    let length = Math.min(40, bytes.length - at);
    while (!ids.has(bytes.slice(at, at + length).join())) length--;
    out.push(ids.get(bytes.slice(at, at + length).join())!);
    at += length;
  }
  return out;
}

const sources = new Map<string, VocabularySource>();
for (const path of values.model) sources.set(path.split('/').at(-1)!, await vocabularyOfModel(path));
sources.set('made up', madeUp(Number(values.size)));

const grammars: Readonly<Record<string, () => Grammar>> = {
  'any object': () => jsonObject(),
  'a person': () => compileSchema(PERSON),
};

process.stdout.write(`${machine()}\n`);
process.stdout.write(
  'vocabulary, size, grammar: build ms; first answer: all, most; later answers: median, most (ms a token)\n',
);
for (const [name, source] of sources) {
  for (const [grammarName, compile] of Object.entries(grammars)) {
    const ids = cut(JSON.stringify(ANSWER).replaceAll('":', '": ').replaceAll(',"', ', "'), source);
    const begin = performance.now();
    const vocabulary = createVocabulary(source);
    const built = performance.now() - begin;
    const grammar = compile();
    const answer = (): number[] => {
      const constraint = constrain(grammar, vocabulary);
      return ids.map((id) => {
        const start = performance.now();
        constraint.allowed();
        constraint.accept(id);
        return performance.now() - start;
      });
    };
    const first = answer();
    const later = Array.from({ length: Number(values.repeats) }, answer).flat();
    const total = first.reduce((sum, time) => sum + time, 0);
    process.stdout.write(
      [name, source.size, grammarName].join(', ') +
        `: ${built.toFixed(0)}; ${total.toFixed(1)}, ${Math.max(...first).toFixed(1)}; ${median(later).toFixed(4)}, ${Math.max(...later).toFixed(3)} (${ids.length} tokens)\n`,
    );
  }
}
