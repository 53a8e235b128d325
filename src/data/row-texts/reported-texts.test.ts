import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createChatTemplate, type Tokenizer } from '../../tokenizer/index.ts';
import { loadCompletions, loadPairs } from '../load.ts';
import { memorySource } from '../sources/source.ts';
import { createTestingTokenizer } from '../testing/testing-tokenizer.ts';
import { askedAs, textLines } from './text-lines.ts';

/** What people reported of other tools about texts and templates, built anew in small. */

const fixtures = join(import.meta.dirname, '../../../test/fixtures');

function templated(path: string, tokens: readonly string[] = []): Tokenizer {
  const bytes = createTestingTokenizer({ merges: tokens });
  const source = readFileSync(join(fixtures, `${path}.jinja`), 'utf8');
  const specialTokens = { bos_token: '<s>', eos_token: '</s>' };
  const added = tokens.map((content, index) => ({ id: 260 + index, content, special: true }));
  return {
    ...bytes,
    addedTokens: [...bytes.addedTokens, ...added],
    stopIds: [...bytes.stopIds, ...added.filter(({ content }) => content === '<|eot_id|>').map(({ id }) => id)],
    chatTemplate: createChatTemplate({ source, origin: path, specialTokens, templateTime: '2024-07-03' }),
  };
}

const llama3 = templated('tokenizer/templates/llama3', ['<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>']);

async function pair(tokenizer: Tokenizer, row: { prompt: string; chosen: string; rejected: string }) {
  const { rows, tokenisation } = await loadPairs(memorySource('d.jsonl', JSON.stringify(row)), { tokenizer });
  const { prompt, chosen, rejected } = rows.row(0);
  const [asked, good, bad] = [prompt, chosen, rejected].map((ids) => tokenizer.decode([...ids]));
  return { asked, good, bad, tokenisation };
}

// huggingface/trl issue 3468: prompt and completion as texts were joined without the template of an Instruct model, which "does not seem to learn anything".
test('a prompt and its completion on an Instruct model go through its template', async () => {
  const tokenizer = templated('jinja/templates/chatml');
  const { rows } = await loadCompletions(memorySource('d.jsonl', '{"prompt": "2 + 2?", "completion": " 4"}'), {
    tokenizer,
  });
  const { prompt, completion } = rows.row(0);
  expect([prompt, completion].map((ids) => tokenizer.decode([...ids]))).toEqual([
    '<|im_start|>user\n2 + 2?<|im_end|>\n<|im_start|>assistant\n',
    '4<|im_end|>',
  ]);
});

// OpenRLHF issue 393, mlx-examples issue 1095, DeepSeek-R1 issue 151: a rendered text that the tokenizer puts its BOS before again.
test('BOS stands once, whether the template writes it or the text has it', async () => {
  const { asked } = await pair(llama3, { prompt: 'test', chosen: ' a', rejected: ' b' });
  expect([asked!.startsWith('<s><|start_header_id|>'), asked!.split('<s>')]).toEqual([true, ['', expect.anything()]]);
  const rendered = await pair(llama3, { prompt: asked!, chosen: 'a<|eot_id|>', rejected: 'b<|eot_id|>' });
  expect([rendered.asked, rendered.good, rendered.bad]).toEqual([asked, 'a<|eot_id|>', 'b<|eot_id|>']);
  expect(askedAs(rendered.tokenisation)).toBe('chat');
});

// princeton-nlp/SimPO issue 8, xfactlab/orpo issue 7: prompt and answers rendered apart each open the assistant's turn.
test('the assistant is opened once; texts that were rendered apart are not rendered again, and that is said', async () => {
  const zephyr = templated('tokenizer/templates/zephyr');
  const row = { prompt: "What's the capital?", chosen: 'Seoul', rejected: 'Madrid' };
  const { asked, good } = await pair(zephyr, row);
  expect(`${asked}${good}`.split('<|assistant|>')).toHaveLength(2);
  const apart = await pair(zephyr, { ...row, chosen: '<|assistant|>\nSeoul', rejected: '<|assistant|>\nMadrid' });
  expect(apart.good).toBe('<|assistant|>\nSeoul</s>');
  expect(textLines(apart.tokenisation)).toEqual([
    '1 of 1 rows stay as they stand: they hold marks of a chat template, or what asks for the answer, already',
  ]);
});

// huggingface/trl pull request 1930: a template with a system text of its own wrote it before the prompt and before each answer.
test("the template's own system text stands once", async () => {
  const { asked, good, bad } = await pair(templated('jinja/templates/chatml-default-system'), {
    prompt: 'Do you know Adele?',
    chosen: ' Sure!',
    rejected: ' No.',
  });
  expect(asked!.split('<|im_start|>system')).toHaveLength(2);
  expect([good, bad]).toEqual(['Sure!<|im_end|>', 'No.<|im_end|>']);
});

// huggingface/alignment-handbook pull request 128: templates that demand turns by turns refuse an answer by itself.
test('a template that refuses an answer without its question gets both', async () => {
  const { good } = await pair(templated('tokenizer/templates/mistral'), { prompt: 'Q', chosen: ' A', rejected: ' B' });
  expect(good).toMatch(/^ ?A ?<\/s>$/);
});

// unslothai's notebooks, and axolotl's and TRL's trainers: rows that end with EOS by hand, before the template or the trainer ends them.
test('an end that was written by hand stands once, and is the one that the template writes', async () => {
  const row = { prompt: 'Q', chosen: ' A</s>', rejected: ' B<|eot_id|>' };
  const { good, bad, tokenisation } = await pair(llama3, row);
  expect([good, bad, tokenisation.endWritten.count]).toEqual(['A<|eot_id|>', 'B<|eot_id|>', 1]);
  expect(tokenisation.controlTokens.count).toBe(0);
});

// MakazhanAlpamys/Soup issue 785: leaving out what the tokenizer adds must not take the EOS of rows whose template writes none.
test('where the template ends no turn, an end that was written by hand stays, and its lack is told', async () => {
  const tokenizer = createTestingTokenizer({ template: 'no-stop' });
  const { good, bad, tokenisation } = await pair(tokenizer, { prompt: 'Q', chosen: ' A</s>', rejected: ' B' });
  expect([good, bad, tokenisation.noStopToken.count]).toEqual(['A</s>', 'B\n', 1]);
  // Texts without template keep the tokenizer's own.
  const plain = await loadCompletions(memorySource('d.jsonl', '{"text": "Once."}'), { tokenizer });
  expect(tokenizer.decode([...plain.rows.row(0).completion])).toBe('<s>Once.</s>');
});

// ml-explore/mlx-examples issue 849, ollama/ollama-python issue 300: rows written in another model's form, then asked through the model's own template.
test("texts in another template's form stay so, and the model is asked so", async () => {
  const alpaca = '### Instruction:\nWrite SQL.\n\n### Response:\n';
  for (const prompt of ['<s>[INST] Write SQL. [/INST]', 'USER: Write SQL.\nASSISTANT:', alpaca]) {
    const { asked, tokenisation } = await pair(llama3, { prompt, chosen: ' SELECT 1', rejected: ' 1' });
    expect([asked, askedAs(tokenisation)]).toEqual([`<s>${prompt.replace('<s>', '')}`, 'raw']);
  }
});
