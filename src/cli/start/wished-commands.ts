import { isLossName, PRESETS } from '../../objectives/index.ts';

/** What people type that is no command, and what there is instead. Each reads behind `WORD is not a command; `. */
const INSTEAD: readonly (readonly [words: string, hint: string])[] = [
  [
    'train tune finetune fine-tune fine_tune fit learn align alignment preference prefs lora qlora peft',
    'dpo trains on pairs of answers, sft on answers or plain text; see preftune dpo --help',
  ],
  [
    'rlhf rl ppo grpo rloo online',
    'dpo learns from preferences without a loop of reinforcement; see preftune dpo --help',
  ],
  [
    'reward reward-model rm',
    'there is no reward model to train: dpo takes the pairs themselves; judge and compare take rewards as judges',
  ],
  ['run start', 'name what is to be run: quickstart, dpo, sft or compare; see preftune --help'],
  ['resume continue', 'a run goes on with its own command: preftune dpo --output RUN --resume'],
  ['new create setup scaffold template', 'did you mean init?'],
  ['demo tour hello tutorial example examples try', 'did you mean quickstart?'],
  [
    'serve server api openai-api',
    'there is no server: chat talks in the terminal, export --to gguf or ollama makes files that llama.cpp and Ollama serve',
  ],
  [
    'ui web gui app dashboard board studio',
    'there is no user interface: every run writes RUN/report.html, and TensorBoard files in RUN/tensorboard',
  ],
  [
    'tensorboard plot plots report reports log logs monitor watch',
    'every run writes RUN/tensorboard and RUN/metrics.jsonl while it goes, RUN/report.html at its end; diagnose says what went wrong in one',
  ],
  ['infer inference predict complete completion-text sample ask prompt answer', 'did you mean generate, or chat?'],
  ['talk repl interactive console', 'did you mean chat?'],
  [
    'eval evaluation test measure benchmark bench validate',
    'evaluate measures what training changed, compare asks which model answers better',
  ],
  ['versus vs battle arena winrate win-rate ab', 'did you mean compare?'],
  ['logprobs logps likelihood perplexity ppl rewards', 'did you mean score?'],
  [
    'quantize quantise gguf ollama onnx merge merge-adapter save deploy package convert-model',
    'did you mean export? preftune export RUN --to gguf, hf, peft, onnx or ollama',
  ],
  ['push upload publish', 'export does it: preftune export RUN --to hf --push OWNER/NAME'],
  ['download pull fetch', 'models and data are fetched where they are named: preftune generate --model OWNER/NAME'],
  ['login logout auth token', 'a token of the hub is read from HF_TOKEN, or from where its own tools keep it'],
  ['convert', 'data convert writes rows in another format, export a model'],
  ['lint inspect verify', 'did you mean data check?'],
  ['label annotate annotation', 'people judge in files: preftune compare --export-people FILE'],
  ['judges grade rate rank', 'did you mean judge, or compare?'],
  ['pairs make build-pairs synth synthesize', 'did you mean data build?'],
  ['dataset datasets', 'did you mean data? see preftune data --help'],
  [
    'config configure configuration settings',
    'init writes a commented run.yaml, and --config reads one: preftune dpo --config run.yaml',
  ],
  ['grid search hyperparameters hpo tune-hyperparameters', 'did you mean sweep?'],
  ['gpu device devices info env system check-system', 'did you mean doctor?'],
  ['debug explain why', 'did you mean diagnose?'],
  ['version -v', 'did you mean --version?'],
  ['usage commands man manual list ls', 'see preftune --help for the commands'],
  ['completions autocomplete bash zsh fish', 'did you mean completion? preftune completion bash, zsh or fish'],
  ['install uninstall update upgrade', 'npm does it: npm install preftune@latest'],
  ['models', 'a model is a folder, a .gguf file or a hub id; see preftune dpo --help'],
  [
    'export-gguf export-hf export-ollama',
    'did you mean export? preftune export RUN --to gguf, hf, peft, onnx or ollama',
  ],
];

/** What there is instead of a command of this name, where people look for it: other words for our commands, and names of losses. */
export function insteadOf(word: string): string | undefined {
  const wanted = word.toLowerCase();
  const known = INSTEAD.find(([words]) => words.split(' ').includes(wanted));
  if (known !== undefined) return known[1];
  const loss = wanted.replaceAll('-', '_');
  if (loss !== 'dpo' && (isLossName(loss) || Object.hasOwn(PRESETS, loss)))
    return `it is a loss: preftune dpo --objective ${loss}`;
  return undefined;
}
