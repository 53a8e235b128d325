/** ggml's tensor types by number. Those that readers do not decode are listed too, so that they are refused by name. */
import { isReadableType, STORED_TYPES } from '../stored-types.ts';

export interface GgufType {
  readonly name: string;
  readonly elementsPerBlock: number;
  readonly bytesPerBlock: number;
}

/** Source: enum ggml_type of ggml.h and the block structures of ggml-common.h. Numbers that are missing were withdrawn. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  6: 'Q5_0',
  7: 'Q5_1',
  8: 'Q8_0',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  12: 'Q4_K',
  13: 'Q5_K',
  14: 'Q6_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  30: 'BF16',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
  40: 'NVFP4',
  41: 'Q1_0',
};

/** [elements, bytes] of a block of the types that are only named. */
const OTHER_BLOCKS: Readonly<Record<string, readonly [number, number]>> = {
  Q8_1: [32, 36],
  Q8_K: [256, 292],
  IQ2_XXS: [256, 66],
  IQ2_XS: [256, 74],
  IQ3_XXS: [256, 98],
  IQ1_S: [256, 50],
  IQ4_NL: [32, 18],
  IQ3_S: [256, 110],
  IQ2_S: [256, 82],
  IQ4_XS: [256, 136],
  I8: [1, 1],
  I16: [1, 2],
  I32: [1, 4],
  I64: [1, 8],
  F64: [1, 8],
  IQ1_M: [256, 56],
  TQ1_0: [256, 54],
  TQ2_0: [256, 66],
  MXFP4: [32, 17],
  NVFP4: [64, 36],
  Q1_0: [128, 18],
};

/** The type of a number; undefined when ggml has none, or none that we know. */
export function ggufType(id: number): GgufType | undefined {
  const name = NAMES[id];
  if (name === undefined) return undefined;
  if (isReadableType(name)) return { name, ...STORED_TYPES[name] };
  const [elementsPerBlock, bytesPerBlock] = OTHER_BLOCKS[name]!;
  return { name, elementsPerBlock, bytesPerBlock };
}
