import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createTestingTokenizer } from '../data/testing/testing-tokenizer.ts';
import { makeTemporaryFolder, removeFolder } from '../files/testing/support.ts';
import { askingFiles, askTexts, GGUF_ASKED, resolvedTextRows, textRowsOf, textRowsWarning } from './asking.ts';
import { trainedAsking } from './node/trained-asking.ts';
import type { OpenedModel } from './understand-model.ts';

const folder = makeTemporaryFolder();
afterAll(() => removeFolder(folder));

const tokenizer = createTestingTokenizer({ template: 'chatml' });
const bare = createTestingTokenizer();
const raw = { asked: 'raw', by: 'run/adapter' } as const;
const chat = { asked: 'chat', by: 'run/adapter' } as const;

test('a model is asked as it was trained, unless the user says otherwise, which is told', () => {
  expect(askTexts(undefined, { trained: undefined, tokenizer })).toEqual({ isRaw: false });
  expect(askTexts(undefined, { trained: undefined, tokenizer: bare })).toEqual({ isRaw: true });
  expect(askTexts(undefined, { trained: chat, tokenizer, hasSystem: true })).toEqual({ isRaw: false });
  expect(askTexts(undefined, { trained: raw, tokenizer: bare })).toEqual({ isRaw: true });
  expect(askTexts(undefined, { trained: raw, tokenizer })).toEqual({
    isRaw: 'texts',
    note: 'run/adapter was trained on texts as they stand, without the chat template, and texts are given to it so; --ask chat asks through the template',
  });
  expect(askTexts(undefined, { trained: raw, tokenizer, hasSystem: true })).toEqual({
    isRaw: false,
    warning:
      'run/adapter was trained on texts as they stand, without the chat template, but is asked through the template, which a system message needs: it may answer otherwise than it was trained to',
  });
  expect(askTexts('chat', { trained: raw, tokenizer })).toEqual({
    isRaw: false,
    warning:
      'run/adapter was trained on texts as they stand, without the chat template, but is asked through the template (--ask chat): it may answer otherwise than it was trained to',
  });
  expect(askTexts('raw', { trained: chat, tokenizer })).toEqual({
    isRaw: true,
    warning:
      'run/adapter was trained through its chat template, but is asked without it (--ask raw): it may answer otherwise than it was trained to',
  });
  expect(askTexts('raw', { trained: raw, tokenizer })).toEqual({ isRaw: true });
  expect(askTexts('raw', { trained: undefined, tokenizer })).toEqual({ isRaw: true });
});

test("rows of texts are trained on as the model was; TRL's rules have them as they stand", () => {
  const trl = { version: 'trl-1', trainer: 'dpo' } as const;
  expect(textRowsOf('auto', { trained: undefined, trl: undefined })).toBe('auto');
  expect(textRowsOf('auto', { trained: raw, trl: undefined })).toBe('raw');
  expect(textRowsOf('chat', { trained: raw, trl: undefined })).toBe('chat');
  expect(textRowsOf('auto', { trained: chat, trl })).toBe('raw');
  expect([
    resolvedTextRows('auto', tokenizer),
    resolvedTextRows('auto', bare),
    resolvedTextRows('raw', tokenizer),
  ]).toEqual(['chat', 'raw', 'raw']);
  expect(textRowsWarning('auto', raw)).toBeUndefined();
  expect(textRowsWarning('raw', raw)).toBeUndefined();
  expect(textRowsWarning('raw', undefined)).toBeUndefined();
  expect(textRowsWarning('chat', raw)).toBe(
    'run/adapter was trained on texts as they stand, without the chat template; with --text-rows chat rows of texts go through the template all the same',
  );
  expect(textRowsWarning('raw', chat)).toBe(
    'run/adapter was trained through its chat template; with --text-rows raw rows of texts stay as they stand all the same',
  );
});

const at = (...names: string[]): string => join(folder, ...names);

function write(path: string, text: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
}

function filesAt(location: string, metadata?: ReadonlyMap<string, unknown>): Pick<OpenedModel, 'files'> {
  const own = metadata === undefined ? { kind: 'none', reason: '' } : { kind: 'gguf', metadata };
  return { files: { location, tokenizer: own } as unknown as OpenedModel['files'] };
}

const asked = (value: 'chat' | 'raw'): string => askingFiles(value)['preftune.json']!;
const adapter = (path: string) => ({ kind: 'folder', path }) as const;

test('the adapter says it, wherever it lies; else its run; else the model below', () => {
  write(at('model', 'preftune.json'), asked('chat'));
  write(at('moved', 'preftune.json'), asked('raw'));
  write(at('run', 'run.json'), JSON.stringify({ formatVersion: 1, measured: { asked: 'raw' } }));
  write(at('old', 'run.json'), JSON.stringify({ formatVersion: 1, specification: {} }));
  write(at('damaged', 'preftune.json'), '{"asked": "loudly"}');
  const model = at('model');
  const files = filesAt(model);
  expect(trainedAsking({ model, adapter: adapter(at('moved')) }, files)).toEqual({ asked: 'raw', by: at('moved') });
  // A checkpoint, and an adapter folder of a run whose own file is gone.
  const checkpoint = { kind: 'checkpoint', run: at('run'), checkpoint: { step: 3, path: '' } } as const;
  expect(trainedAsking({ model, run: at('run'), adapter: checkpoint }, files)).toEqual({
    asked: 'raw',
    by: `${at('run')}@step-3`,
  });
  expect(trainedAsking({ model, adapter: adapter(at('run', 'adapter')) }, files)?.asked).toBe('raw');
  expect(trainedAsking({ model, run: at('run') }, files)).toEqual({ asked: 'raw', by: at('run') });
  // An adapter of another tool says nothing; the model below does.
  expect(trainedAsking({ model, adapter: adapter(at('foreign')) }, files)).toEqual({ asked: 'chat', by: model });
  expect(trainedAsking({ model: 'x', run: at('old') }, filesAt(at('nothing')))).toBeUndefined();
  expect(trainedAsking({ model: 'm.gguf' }, filesAt('m.gguf', new Map([[GGUF_ASKED, 'raw']])))).toEqual({
    asked: 'raw',
    by: 'm.gguf',
  });
  expect(trainedAsking({ model: 'm.gguf' }, filesAt('m.gguf', new Map()))).toBeUndefined();
  expect(() => trainedAsking({ model: 'x' }, filesAt(at('damaged')))).toThrow(
    `${at('damaged', 'preftune.json')}: asked must be chat or raw, got "loudly"`,
  );
});
