/** The thread that renders conversations and turns text into ids, so that neither a template nor a long text holds up other requests. */
import { parentPort, workerData } from 'node:worker_threads';
import { internal, messageOf, PreftuneError } from '../../../core/index.ts';
import { openModel } from '../../../policy/index.ts';
import type { Tokenizer } from '../../../tokenizer/index.ts';
import type { PromptReply, PromptRequest, PromptResult, PromptWorkerData } from './prompt-messages.ts';

const { location, templateTime } = workerData as PromptWorkerData;
const port = parentPort!;

const opening = openModel(location, { templateTime }).then(async ({ tokenizer, files }) => {
  await files.close();
  return tokenizer;
});
// What goes wrong is told to whoever asks.
opening.catch(() => undefined).then(() => port.postMessage({ isOpen: true } satisfies PromptReply), undefined);

function answer(tokenizer: Tokenizer, work: PromptRequest['work']): PromptResult {
  switch (work.type) {
    case 'text':
      return { ids: tokenizer.encode(work.text, { addSpecialTokens: work.addSpecialTokens }), text: work.text };
    case 'decode':
      return { ids: [], text: tokenizer.decode(work.ids) };
    case 'chat': {
      const { messages, tools, variables, addGenerationPrompt } = work;
      if (tokenizer.chatTemplate === undefined) throw internal('serve: the model has no chat template');
      const text = tokenizer.chatTemplate.render(messages, {
        addGenerationPrompt,
        ...(tools !== undefined && { tools }),
        ...(variables !== undefined && { variables }),
      });
      return { ids: tokenizer.encode(text, { addSpecialTokens: false }), text };
    }
  }
}

port.on('message', ({ id, work }: PromptRequest) => {
  void opening
    .then((tokenizer): PromptReply => ({ id, result: answer(tokenizer, work) }))
    .catch((thrown: unknown): PromptReply => ({
      id,
      error: {
        message: messageOf(thrown),
        isBadInput: thrown instanceof PreftuneError && thrown.code === 'bad-input',
      },
    }))
    .then((reply) => port.postMessage(reply));
});
