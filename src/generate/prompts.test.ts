import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../data/index.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer/index.ts';
import { conversationOf, encodePrompt, readPrompts, type Prompt } from './prompts.ts';

const EMBEDDED = join(import.meta.dirname, '..', '..', 'assets', 'embedded-model');

async function json(name: string): Promise<never> {
  return JSON.parse(await readFile(join(EMBEDDED, name), 'utf8')) as never;
}

async function embeddedTokenizer(): Promise<Tokenizer> {
  return createTokenizer({
    kind: 'huggingface',
    tokenizerJson: await json('tokenizer.json'),
    tokenizerConfig: await json('tokenizer_config.json'),
    chatTemplate: undefined,
    specialTokensMap: undefined,
  });
}

function read(...records: unknown[]): Promise<Prompt[]> {
  const text = records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record))).join('\n');
  return readPrompts(memorySource('prompts.jsonl', text));
}

const user = (content: string) => ({ role: 'user', content });

async function ofText(name: string, text: string | Uint8Array) {
  const notes: string[] = [];
  const prompts = await readPrompts(memorySource(name, text), { onNote: (note) => notes.push(note) });
  return { prompts: prompts.map(({ id, content }) => `${id} ${String(content)}`), notes };
}

describe('prompts as plain text', () => {
  it('has one a line: a mark at the start, Windows line ends and blank lines are no part of any, and that is said', async () => {
    const text = '\ufeffWhere is my order?\r\n\r\n  Can I return it? \r\nWeiß ich nicht\n \t\n\n';
    expect(await ofText('prompts.txt', text)).toEqual({
      prompts: ['1 Where is my order?', '3   Can I return it?', '4 Weiß ich nicht'],
      notes: ['prompts.txt: 3 prompts, one a line; 1 blank line is passed over'],
    });
    expect((await ofText('one.txt', 'Hello')).notes).toEqual(['one.txt: 1 prompt, one a line']);
  });

  it('takes lines <|endoftext|> as what divides prompts of several lines', async () => {
    expect(await ofText('prompts.txt', 'Fix this:\n\nx = 1\n<|endoftext|>\nAnd this:\ny\n')).toEqual({
      prompts: ['1 Fix this:\n\nx = 1', '5 And this:\ny'],
      notes: ['prompts.txt: 2 prompts, divided by lines <|endoftext|>'],
    });
  });

  it('still reads rows of JSON under that name, and refuses what is no text', async () => {
    expect(await ofText('prompts.txt', '{"prompt": "a"}\n{"prompt": "b"}\n')).toEqual({
      prompts: ['1 a', '2 b'],
      notes: [],
    });
    const told = async (text: string | Uint8Array) => ofText('p.txt', text).catch((error: unknown) => String(error));
    expect(await told('\n \n')).toContain('p.txt: data must hold at least one prompt, got an empty file');
    expect(await told(new TextEncoder().encode('fine\n').with(2, 0xff))).toContain(
      'p.txt:1: text must be UTF-8, got the byte 0xff; convert the file to UTF-8',
    );
    expect(await told(Uint8Array.of(0xff, 0xfe, 0x41, 0, 0x0a, 0))).toContain('UTF-16');
  });
});

describe('readPrompts', () => {
  it('reads texts, conversations and the prompts of pairs', async () => {
    const tools = [{ type: 'function', function: { name: 'clock' } }];
    expect(
      await read(
        { prompt: 'Why?' },
        { id: 'a', prompt: [user('Who?')], chosen: [], rejected: null },
        { id: 7, messages: [user('Hi')], tools, chat_template_kwargs: { enable_thinking: false } },
      ),
    ).toEqual([
      { id: '1', content: 'Why?' },
      { id: 'a', content: [user('Who?')] },
      { id: '7', content: [user('Hi')], tools, templateVariables: { enable_thinking: false } },
    ]);
  });

  it('reports every problem with its line', async () => {
    const answered = [user('Hi'), { role: 'assistant', content: 'Hello' }];
    const reading = read({ prompt: '' }, [], { text: 'x' }, { messages: [] }, { prompt: answered }, '{"prompt":');
    await expect(reading).rejects.toMatchObject({
      code: 'bad-input',
      message: [
        'prompts.jsonl:1: prompt must not be empty',
        'prompts.jsonl:2: a record must be an object with the field prompt or messages',
        'prompts.jsonl:3: prompt must be a text or a list of messages, got nothing',
        'prompts.jsonl:4: messages must not be empty',
        'prompts.jsonl:5: prompt must end before the answer, got a last turn of the assistant; leave that turn out',
        'prompts.jsonl:6:11: JSON must have a value here, got the end',
      ].join('\n'),
    });
    await expect(read()).rejects.toThrow('prompts.jsonl: data must hold at least one prompt, got an empty file');
  });
});

describe('encodePrompt', () => {
  it("puts a text into the chat template as a user's turn, after the system message", async () => {
    const tokenizer = await embeddedTokenizer();
    const prompt = { id: '1', content: 'Why?' };
    expect(tokenizer.decode(encodePrompt(tokenizer, prompt, {}))).toBe(
      '<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n',
    );
    expect(tokenizer.decode(encodePrompt(tokenizer, prompt, { system: 'Be kind.' }))).toBe(
      '<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n',
    );
    expect(tokenizer.decode(encodePrompt(tokenizer, prompt, { isRaw: true }))).toBe('Why?');
  });

  it("leaves a conversation's own system message", () => {
    const content = [{ role: 'system', content: 'Be brief.' }, user('Why?')];
    expect(conversationOf({ id: '1', content }, { system: 'Be kind.' })).toEqual(content);
  });

  it('refuses a raw conversation, and chats without a template', async () => {
    const tokenizer = await embeddedTokenizer();
    expect(() => encodePrompt(tokenizer, { id: 'a', content: [user('Why?')] }, { isRaw: true })).toThrow(
      'generate: a raw prompt must be a text, prompt a is a conversation; leave out --raw',
    );
    const plain = { ...tokenizer, chatTemplate: undefined };
    expect(() => encodePrompt(plain, { id: 'a', content: 'Why?' }, {})).toThrow(
      'generate: chats need a tokenizer with a chat template, the model has none; use --raw for plain text',
    );
  });
});
