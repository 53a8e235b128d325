import type { Asking } from '../../policy/index.ts';
import type { Message, Tokenizer } from '../../tokenizer/index.ts';

/** A way to write conversations that Ollama's template language says too. */
interface KnownTemplate {
  readonly name: string;
  /** What a chat template must render for it to be this one. */
  readonly render: (messages: readonly Message[], tokenizer: Tokenizer) => string;
  /** The same in Go's text/template with Ollama's .System, .Messages, .Role and .Content. */
  readonly source: string;
}

const KNOWN: readonly KnownTemplate[] = [
  {
    name: 'ChatML',
    render: (messages) =>
      `${messages.map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`).join('')}<|im_start|>assistant\n`,
    source:
      '{{- if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}' +
      '{{- range .Messages }}{{- if ne .Role "system" }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}{{- end }}<|im_start|>assistant\n',
  },
  {
    name: 'Llama 3',
    render: (messages, tokenizer) =>
      `${bosOf(tokenizer)}${messages.map(({ role, content }) => `<|start_header_id|>${role}<|end_header_id|>\n\n${content}<|eot_id|>`).join('')}<|start_header_id|>assistant<|end_header_id|>\n\n`,
    source:
      '{{- if .System }}<|start_header_id|>system<|end_header_id|>\n\n{{ .System }}<|eot_id|>{{ end }}' +
      '{{- range .Messages }}{{- if ne .Role "system" }}<|start_header_id|>{{ .Role }}<|end_header_id|>\n\n{{ .Content }}<|eot_id|>{{ end }}{{- end }}<|start_header_id|>assistant<|end_header_id|>\n\n',
  },
  {
    name: 'Zephyr',
    render: (messages, tokenizer) =>
      `${messages.map(({ role, content }) => `<|${role}|>\n${content}${eosOf(tokenizer)}\n`).join('')}<|assistant|>\n`,
    source:
      '{{- if .System }}<|system|>\n{{ .System }}</s>\n{{ end }}' +
      '{{- range .Messages }}{{- if ne .Role "system" }}<|{{ .Role }}|>\n{{ .Content }}</s>\n{{ end }}{{- end }}<|assistant|>\n',
  },
];

function bosOf({ bosId, tokenText }: Tokenizer): string {
  return bosId === undefined ? '' : tokenText(bosId);
}

function eosOf({ eosId, tokenText }: Tokenizer): string {
  return eosId === undefined ? '' : tokenText(eosId);
}

const SYSTEM: Message = { role: 'system', content: 'Be kind.' };
const TURNS: readonly Message[] = [
  { role: 'user', content: 'Hello there' },
  { role: 'assistant', content: 'Hi.' },
  { role: 'user', content: 'How are you?' },
];

/** What the user wrote, and nothing around it. */
const RAW = '{{ .Prompt }}';

export interface Modelfile {
  readonly text: string;
  /** The known template, or undefined where Ollama is left to read the one in the GGUF file. */
  readonly template: string | undefined;
}

/**
 * Ollama's Modelfile for a GGUF file beside it. TEMPLATE stands where the chat template is one of ours known by what it renders, with and
 * without a system turn; a system text that it adds by itself becomes SYSTEM. The stop tokens become PARAMETER stop. A template that prints
 * the time is none of ours. A model that was trained on texts as they stand gets the prompt alone.
 *
 * Source: Ollama's documentation of Modelfile and of templates.
 */
export function modelfileOf(tokenizer: Tokenizer, ggufFile: string, asked?: Asking): Modelfile {
  const stops = tokenizer.stopIds.map((id) => `PARAMETER stop ${JSON.stringify(tokenizer.tokenText(id))}\n`).join('');
  if (asked === 'raw') {
    const told = '# It was trained on texts as they stand, so they are given to it so, without the chat template.\n';
    return { text: `FROM ./${ggufFile}\n${told}TEMPLATE """${RAW}"""\n${stops}`, template: 'texts as they stand' };
  }
  // Text of today would stand in SYSTEM for good.
  const prints = tokenizer.chatTemplate?.clock !== undefined;
  const { known, system } = prints ? { known: undefined, system: undefined } : knownTemplate(tokenizer);
  const template =
    known === undefined
      ? `# No TEMPLATE here: the chat template inside the GGUF file ${prints ? 'prints the time, which this file would freeze' : 'is none that this file could repeat exactly'}, and Ollama reads that one.\n`
      : `# ${known.name}, which renders what the model's own chat template renders.\nTEMPLATE """${known.source}"""\n`;
  const systemLine = system === undefined ? '' : `SYSTEM """${system}"""\n`;
  return { text: `FROM ./${ggufFile}\n${template}${systemLine}${stops}`, template: known?.name };
}

function knownTemplate(tokenizer: Tokenizer): { known: KnownTemplate | undefined; system: string | undefined } {
  const render = (messages: readonly Message[]): string | undefined => {
    try {
      return tokenizer.chatTemplate?.render(messages, { addGenerationPrompt: true });
    } catch {
      // A template that refuses these turns is no known one.
      return undefined;
    }
  };
  const known = KNOWN.find((one) => render([SYSTEM, ...TURNS]) === one.render([SYSTEM, ...TURNS], tokenizer));
  if (known === undefined) return { known, system: undefined };
  const bare = render(TURNS);
  if (bare === known.render(TURNS, tokenizer)) return { known, system: undefined };
  const [before, after] = known
    .render([{ role: 'system', content: '\u0000' }, ...TURNS], tokenizer)
    .split('\u0000') as [string, string];
  const addsSystem = bare !== undefined && bare.startsWith(before) && bare.endsWith(after);
  if (!addsSystem) return { known: undefined, system: undefined };
  const system = bare.slice(before.length, bare.length - after.length);
  return system.includes('"""') ? { known: undefined, system: undefined } : { known, system };
}
