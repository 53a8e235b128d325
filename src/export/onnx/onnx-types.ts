/** How the weights of an ONNX decoder are stored, under transformers.js's names of its files' types. */
export const ONNX_TYPES = ['fp32', 'fp16', 'q8'] as const;
export type OnnxType = (typeof ONNX_TYPES)[number];

export const ONNX_BYTES_PER_WEIGHT: Readonly<Record<OnnxType, number>> = { fp32: 4, fp16: 2, q8: 1.125 };

/** What transformers.js puts behind `model` in a file's name. Source: its DEFAULT_DTYPE_SUFFIX_MAPPING. */
export const ONNX_SUFFIXES: Readonly<Record<OnnxType, string>> = { fp32: '', fp16: '_fp16', q8: '_quantized' };
