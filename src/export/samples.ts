import { badInput, PreftuneError } from '../core/index.ts';
import { readRows, type Content, type DataSource } from '../data/index.ts';
import type { Message, Tokenizer } from '../tokenizer/index.ts';
import type { Sample } from '../score/index.ts';

/** Conversations that every export is checked on where no data are given: everyday questions, code, another script, several turns. */
const CONVERSATIONS: readonly (readonly Message[])[] = [
  [
    { role: 'user', content: 'What is a comet?' },
    {
      role: 'assistant',
      content: 'A comet is a small body of ice and dust that orbits the Sun and grows a tail when it comes near.',
    },
  ],
  [
    { role: 'user', content: 'How do I boil an egg?' },
    { role: 'assistant', content: 'Put the egg into boiling water for eight minutes, then cool it under the tap.' },
    { role: 'user', content: 'And if I want it soft?' },
    { role: 'assistant', content: 'Then five minutes are enough.' },
  ],
  [
    { role: 'user', content: 'Write a function that adds two numbers in Python.' },
    { role: 'assistant', content: 'def add(a, b):\n    return a + b\n\nprint(add(2, 40))  # 42' },
  ],
  [
    { role: 'user', content: "List 3 fruits, please. Don't explain." },
    { role: 'assistant', content: '1. Apple\n2. Banana\n3. Cherry' },
  ],
  [
    { role: 'user', content: 'Wie heißt „Guten Morgen“ auf Französisch und auf 日本語?' },
    { role: 'assistant', content: 'Bonjour und おはよう 🙂.' },
  ],
];

/** Longer texts are cut: what is checked is the conversion, which a few hundred tokens show. */
const MAX_SAMPLE_TOKENS = 256;

/** What is written, read and compared of a tokenizer. */
export interface SampleSet {
  readonly samples: readonly Sample[];
  readonly conversations: readonly (readonly Message[])[];
  readonly texts: readonly string[];
}

/** The texts of the samples as the tokenizer renders and cuts them; those of `data`, else our own. Throws bad-input when none has two tokens. */
export async function sampleSet(
  tokenizer: Tokenizer,
  { data, count }: { readonly data: readonly DataSource[] | undefined; readonly count: number },
): Promise<SampleSet> {
  const contents = data === undefined ? CONVERSATIONS : await contentsOf(data, count);
  const rendered = contents.map((content) => renderSample(tokenizer, content)).filter((text) => text !== undefined);
  const samples = rendered
    .map((text): Sample => ({
      ids: tokenizer
        .encode(text, { addSpecialTokens: tokenizer.chatTemplate === undefined })
        .slice(0, MAX_SAMPLE_TOKENS),
    }))
    .filter(({ ids }) => ids.length >= 2);
  if (samples.length === 0) throw badInput('export: --data must hold a row of at least two tokens, got none');
  const conversations = contents.filter((content) => typeof content !== 'string') as readonly (readonly Message[])[];
  return { samples, conversations, texts: rendered };
}

async function contentsOf(sources: readonly DataSource[], count: number): Promise<Content[]> {
  const contents: Content[] = [];
  for (const source of sources) {
    for await (const event of readRows(source)) {
      if (event.kind === 'format' || event.kind === 'problems') continue;
      const row = event.row as { prompt?: Content; chosen?: Content; completion?: Content };
      const answer = row.chosen ?? row.completion;
      if (row.prompt === undefined || answer === undefined) continue;
      contents.push(joined(row.prompt, answer));
      if (contents.length >= count) return contents;
    }
  }
  return contents;
}

function turns(content: Content, role: string): readonly Message[] {
  return typeof content === 'string' ? [{ role, content }] : content;
}

function joined(prompt: Content, answer: Content): Content {
  if (typeof prompt === 'string' && typeof answer === 'string') return prompt + answer;
  return [...turns(prompt, 'user'), ...turns(answer, 'assistant')];
}

/** undefined where the template refuses the conversation (a system turn, a language). */
function renderSample({ chatTemplate }: Tokenizer, content: Content): string | undefined {
  if (typeof content === 'string') return content;
  if (chatTemplate === undefined) return content.map((message) => message.content).join('\n');
  try {
    return chatTemplate.render(content, { addGenerationPrompt: false });
  } catch (thrown) {
    if (thrown instanceof PreftuneError) return undefined;
    throw thrown;
  }
}

/**
 * What differs between two tokenizers on the samples: ids, rendered conversations, what stands around a text, EOS. Texts that `normalForm`
 * would change are left out.
 */
export function tokenizerDifferences(
  actual: Tokenizer,
  expected: Tokenizer,
  { texts, conversations }: SampleSet,
  normalForm?: 'NFC',
): string[] {
  const differences: string[] = [];
  const compare = (what: string, of: (tokenizer: Tokenizer) => unknown): void => {
    const [got, wanted] = [JSON.stringify(of(actual)), JSON.stringify(of(expected))];
    if (got !== wanted) differences.push(`${what} must be ${shortened(wanted)}, got ${shortened(got)}`);
  };
  for (const text of [...texts, ...TRICKY]) {
    if (normalForm !== undefined && text.normalize(normalForm) !== text) continue;
    compare(`ids of ${shortened(JSON.stringify(text))}`, (one) => one.encode(text, { addSpecialTokens: false }));
  }
  compare('the ids around a text', (one) => one.encode('a'));
  compare('the EOS id', (one) => one.eosId);
  for (const conversation of conversations) {
    for (const addGenerationPrompt of [false, true])
      compare('a rendered conversation', (one) => renderedBy(one, conversation, addGenerationPrompt));
  }
  return differences;
}

/** Cuts where pre-tokenizers differ: digits, contractions, runs of spaces and line ends, scripts, marks, emoji. */
const TRICKY: readonly string[] = [
  'In 1984 there were 12345678 pages, 3.14159 and 1,000,000.',
  "I'LL say we've DON'T they'd it's He'S 'tis",
  'a  b   c\n\n\nd\t\te \r\n  f \n g',
  'Straße naïve Ελληνικά русский العربية हिन्दी 中文字符 かな 한국어 ไทย',
  'e\u0301 👩‍👩‍👧‍👦 ½ ² ™ — “quoted” … $5 €7 #tag @me a_b C++ foo(bar[0]);\n',
  'camelCase HTTPServer XMLHttp2 ALLCAPS lower',
  '   leading and trailing   ',
];

function renderedBy({ chatTemplate }: Tokenizer, messages: readonly Message[], addGenerationPrompt: boolean): unknown {
  try {
    return chatTemplate?.render(messages, { addGenerationPrompt });
  } catch (thrown) {
    if (thrown instanceof PreftuneError) return 'refused';
    throw thrown;
  }
}

function shortened(text: string | undefined): string {
  return text === undefined ? 'nothing' : text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
