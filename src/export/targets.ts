/** What a trained model can be handed over as. */
export const EXPORT_TARGETS = ['hf', 'peft', 'gguf', 'gguf-lora', 'onnx', 'ollama'] as const;
export type ExportTarget = (typeof EXPORT_TARGETS)[number];

/** One line of help each. */
export const TARGET_HELP: Readonly<Record<ExportTarget, string>> = {
  hf: 'merged Hugging Face folder (safetensors)',
  peft: "the adapter in PEFT's layout",
  gguf: 'one file for llama.cpp',
  'gguf-lora': 'the adapter for llama.cpp',
  onnx: 'decoder with cache for transformers.js',
  ollama: 'GGUF with a Modelfile',
};
