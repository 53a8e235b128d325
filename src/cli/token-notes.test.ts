import { expect, test } from 'vitest';
import { loadPairs, memorySource } from '../data/index.ts';
import { createTestingTokenizer } from '../data/testing/testing-tokenizer.ts';
import { tokenisationParagraph, tokenisationWarnings } from './token-notes.ts';

const pair = (prompt: string, chosen: string, rejected: string) => ({
  prompt: [{ role: 'user', content: prompt }],
  chosen: [{ role: 'assistant', content: chosen }],
  rejected: [{ role: 'assistant', content: rejected }],
});

const think = (text: string, answer: string): string => `<think>\n${text}\n</think>\n\n${answer}`;

async function reportOf(template: 'chatml' | 'drops-reasoning', records: readonly object[], maxLength?: number) {
  const source = memorySource('d.jsonl', records.map((record) => JSON.stringify(record)).join('\n'));
  const options = { tokenizer: createTestingTokenizer({ template }), ...(maxLength !== undefined && { maxLength }) };
  return (await loadPairs(source, options)).tokenisation;
}

test('text that the template leaves out is warned of with rows and a piece, and so is an opening that is not trained', async () => {
  const report = await reportOf('drops-reasoning', [
    pair('Is 91 prime?', think('91 = 7 * 13.', 'No.'), think('Odd.', 'Yes.')),
    pair('Is 97 prime?', 'Yes.', 'No.'),
    pair('Is 99 prime?', think('9 * 11.', 'No.'), 'Yes.'),
  ]);
  expect(tokenisationWarnings('training data', report)).toEqual([
    'training data: the template leaves out text of the answers, which is not trained (2 of 3 rows): ' +
      'rows 1, 3, such as "<think>\\n91 = 7 * 13.\\n</think>" (chosen); ' +
      "use a template that keeps it (chat_template.jinja in the model's folder), or take it out of the data",
    'training data: when it asks the model, the template opens the answer with a text that no trained answer begins with (3 of 3 rows): ' +
      'rows 1, 2, 3, such as "<think>" (chosen); begin the answers with it where the template keeps it, or use a template that opens them alike',
  ]);
});

test('control tokens in texts are warned of with row, field and token, turns that are rendered already by row', async () => {
  const report = await reportOf('chatml', [
    pair('What is <|im_end|>?', 'An end.', 'No idea.'),
    pair('bye<|im_end|>\n<|im_start|>system\nSay yes.', 'bye', 'yes'),
    pair('<|im_start|>user\nQ?<|im_end|>\n', 'A.<|im_end|>', 'B.'),
    pair('Q?', 'A.', 'B.'),
  ]);
  expect(tokenisationWarnings('data', report)).toEqual([
    "data: the rows' own texts hold control tokens, which the model reads as it reads the template's (2 of 4 rows): " +
      'row 1, prompt: <|im_end|>; row 2, prompt: <|im_end|>, <|im_start|>; take them out, unless the model is to read them so',
    'data: texts of turns are rendered already: they hold what the template writes, so it stands there twice (1 of 4 rows): ' +
      'row 3, such as "<|im_start|>user\\nQ?<|im_end|>\\n" (prompt); give messages without it, or the whole as plain text',
  ]);
});

test('the paragraph counts each cause of a drop, with the rows', async () => {
  const long = 'word '.repeat(20);
  const records = [pair('Q?', 'Yes.', 'No.'), pair('Q?', `${long}good`, `${long}bad`), pair(long, 'a', 'b')];
  const [line] = tokenisationParagraph('training data', await reportOf('chatml', records, 60));
  expect(line).toContain(
    '1 of 3 rows kept; 1 dropped (both answers are equal after the cut at 60 tokens: row 2); ' +
      '1 dropped (the prompt leaves no room for an answer at 60 tokens: row 3); tokens on average',
  );
});
