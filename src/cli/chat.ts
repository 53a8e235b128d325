import { createInterface, type Interface } from 'node:readline';
import { z } from 'zod';
import { badUsage, messageOf, PreftuneError } from '../core/index.ts';
import { openGenerator } from '../generate/index.ts';
import { changed } from '../options/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import type { Message } from '../tokenizer/index.ts';
import { ADAPTER, ASK, MACHINE_SHAPE, MODEL, SYSTEM, TEMPLATE_TIME } from './common-options.ts';
import { askTexts } from '../policy/index.ts';
import { defineCommand, type CommandContext } from './frame/command.ts';
import { BASE_PRECISION, biasProblems, DECODING_SHAPE, decodingOf, idleDrawing } from './decoding-options.ts';
import { resolveLoading } from './resolve-loading.ts';

const HELP = `/system TEXT   sets the system message and begins anew (without TEXT: takes it away)
/regenerate    answers the last question again, with another seed
/clear         forgets the conversation
/save FILE     writes it as one line of JSON, {"messages": [...]}
/exit          ends; so does the end of the input, or Ctrl-C where nothing is answered`;

const OPTIONS = z.strictObject({
  model: MODEL,
  adapter: ADAPTER,
  system: changed(SYSTEM, { help: 'system message' }),
  ask: ASK,
  templateTime: TEMPLATE_TIME,
  ...DECODING_SHAPE,
  basePrecision: BASE_PRECISION,
  device: MACHINE_SHAPE.device,
  threads: MACHINE_SHAPE.threads,
});
type ChatOptions = z.output<typeof OPTIONS>;

/** `preftune chat`: a conversation with a model in the terminal, or over a pipe, a question a line. */
export const CHAT = defineCommand({
  name: 'chat',
  description: 'Talks with a model in the terminal',
  examples: [
    { does: 'a model of the hub', words: '--model HuggingFaceTB/SmolLM2-135M-Instruct' },
    { does: 'a run, with a system message', words: '--model run --system "Answer in one sentence."' },
  ],
  options: OPTIONS,
  check: (options, { given, isJson }) => [
    ...idleDrawing(options, given),
    ...biasProblems(options),
    ...(options.ask === 'raw' && options.system !== undefined
      ? [{ path: 'system', message: '--system has no effect with --ask raw; leave one out' }]
      : []),
    ...(isJson ? [{ path: 'json', message: '--json has no effect; take generate for machines' }] : []),
  ],
  async run(options, context) {
    const { adapter, templateTime, basePrecision, device, threads } = options;
    const generator = await openGenerator({
      model: options.model,
      resolve: resolveLoading(context),
      adapter,
      templateTime,
      basePrecision,
      device,
      threads,
      maxRows: 1,
      keepsPrefix: true,
    });
    try {
      const { tokenizer, trained, notes } = generator;
      const { terminal } = context;
      terminal.close();
      const hasSystem = options.system !== undefined;
      const asked = askTexts(options.ask, { trained: trained(), tokenizer, hasSystem });
      // Nothing says that a model without template is meant to continue texts.
      const isUnsaid = options.ask === undefined && trained() === undefined;
      if (tokenizer.chatTemplate === undefined && (isUnsaid || asked.isRaw === false))
        throw badUsage('chat: the model must have a chat template, it has none; take generate --raw');
      const isRaw = asked.isRaw !== false;
      for (const note of [...notes, ...(asked.note === undefined ? [] : [asked.note])]) terminal.note(note);
      if (asked.warning !== undefined) terminal.warn(asked.warning);
      if (isRaw) terminal.note('each question is given by itself, without those before it');
      await talk(generator, { ...options, isRaw }, context);
    } finally {
      await generator.dispose();
    }
  },
});

type ChatGenerator = Awaited<ReturnType<typeof openGenerator>>;

interface Conversation {
  /** Questions are given alone, as they stand. */
  readonly isRaw: boolean;
  system: string | undefined;
  turns: Message[];
  /** Of the next answer: each attempt has its own. */
  seed: number;
}

/** Options with how questions are given: alone and as they stand, or as a conversation in the template. */
type TalkOptions = ChatOptions & { readonly isRaw: boolean };

async function talk(generator: ChatGenerator, options: TalkOptions, context: CommandContext): Promise<void> {
  const { terminal, signal } = context;
  const isLive = process.stdin.isTTY === true && process.stderr.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    ...(isLive ? { output: process.stderr, prompt: '> ' } : {}),
    terminal: isLive,
  });
  const conversation: Conversation = {
    isRaw: options.isRaw,
    system: options.system,
    turns: [],
    seed: options.seed,
  };
  let answering: AbortController | undefined;
  // In a terminal readline sees Ctrl-C before anybody else does.
  lines.on('SIGINT', () => {
    if (answering === undefined) lines.close();
    else answering.abort();
  });
  const stop = (): void => lines.close();
  signal.addEventListener('abort', stop);
  if (isLive) terminal.note('/help lists commands; Ctrl-C stops an answer, or ends');
  try {
    for await (const line of questions(lines, isLive)) {
      const text = line.trim();
      if (text === '') continue;
      if (text.startsWith('/')) {
        const isAnswered = command(text, conversation, context);
        if (isAnswered === 'exit') return;
        if (isAnswered !== 'answer') continue;
      } else conversation.turns.push({ role: 'user', content: line });
      answering = new AbortController();
      await answer(generator, conversation, {
        options,
        terminal,
        signal: AbortSignal.any([answering.signal, signal]),
      });
      answering = undefined;
      if (signal.aborted) return;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    lines.close();
  }
}

async function* questions(lines: Interface, isLive: boolean): AsyncGenerator<string> {
  if (isLive) lines.prompt();
  for await (const line of lines) {
    yield line;
    if (isLive) lines.prompt();
  }
}

/** Does a command; says whether the conversation waits for an answer, or has ended. */
function command(
  text: string,
  conversation: Conversation,
  { terminal }: CommandContext,
): 'answer' | 'exit' | undefined {
  const [name, ...rest] = text.split(' ') as [string, ...string[]];
  const argument = rest.join(' ').trim();
  const { turns } = conversation;
  switch (name) {
    case '/help':
      terminal.note(HELP);
      return undefined;
    case '/exit':
    case '/quit':
      return 'exit';
    case '/clear':
      turns.length = 0;
      terminal.note('the conversation is forgotten');
      return undefined;
    case '/system':
      if (conversation.isRaw) {
        terminal.note(
          'a system message has no effect: questions are given as they stand (--ask chat gives them in the template)',
        );
        return undefined;
      }
      turns.length = 0;
      conversation.system = argument === '' ? undefined : argument;
      terminal.note(argument === '' ? 'no system message' : `system message: ${argument}`);
      return undefined;
    case '/regenerate':
      if (turns.at(-1)?.role === 'assistant') turns.pop();
      if (turns.length > 0) return 'answer';
      terminal.note('there is no question to answer again');
      return undefined;
    case '/save':
      save(argument, conversation, terminal);
      return undefined;
    default:
      terminal.note(`${name} is no command; /help lists them`);
      return undefined;
  }
}

function save(path: string, conversation: Conversation, terminal: CommandContext['terminal']): void {
  if (path === '') return terminal.note('name a file: /save conversation.jsonl');
  try {
    writeFileAtomic(path, `${JSON.stringify({ messages: messagesOf(conversation) })}\n`);
    terminal.note(`saved: ${path}`);
  } catch (error) {
    terminal.warn(messageOf(error));
  }
}

function messagesOf({ system, turns }: Conversation): Message[] {
  return system === undefined ? [...turns] : [{ role: 'system', content: system }, ...turns];
}

/** Streams an answer; one that was stopped stays as far as it came. */
async function answer(
  generator: ChatGenerator,
  conversation: Conversation,
  { options, terminal, signal }: { options: TalkOptions; terminal: CommandContext['terminal']; signal: AbortSignal },
): Promise<void> {
  const { tokenizer } = generator;
  let text = '';
  try {
    const messages = messagesOf(conversation);
    const ids = options.isRaw
      ? tokenizer.encode(messages.at(-1)!.content)
      : tokenizer.encode(tokenizer.chatTemplate!.render(messages, { addGenerationPrompt: true }), {
          addSpecialTokens: false,
        });
    await generator.generate([ids], {
      ...decodingOf(options),
      seed: conversation.seed++,
      signal,
      onToken: ({ text: piece }) => {
        text += piece;
        terminal.stream(piece);
      },
    });
  } catch (thrown) {
    if (!(thrown instanceof PreftuneError)) throw thrown;
    if (thrown.code !== 'cancelled') {
      // Such as a conversation that has become too long: the question is taken back.
      conversation.turns.pop();
      terminal.warn(`${thrown.message}; /clear begins anew`);
      return;
    }
  }
  terminal.stream('\n');
  conversation.turns.push({ role: 'assistant', content: text });
}
