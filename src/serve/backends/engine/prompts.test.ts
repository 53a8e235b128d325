import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createPromptReader } from './prompts.ts';

const MODEL = join(import.meta.dirname, '../../../../assets/embedded-model');

test('the time of a request runs from when the thread is open, which may take longer than a request may', async () => {
  // No thread starts and opens a tokenizer within 300 ms.
  const reader = createPromptReader({ location: MODEL, asksTime: false, timeoutMs: 300 });
  try {
    const { ids } = await reader.read({ type: 'text', text: 'A dog', addSpecialTokens: false });
    expect((await reader.read({ type: 'decode', ids })).text).toBe('A dog');
    const long = reader.read({ type: 'text', text: 'ab '.repeat(3_000_000), addSpecialTokens: false });
    await expect(long).rejects.toMatchObject({
      status: 400,
      param: 'prompt',
      message: 'prompt: must be read within 0.3 s, and took longer; send less',
    });
  } finally {
    await reader.dispose();
  }
});
