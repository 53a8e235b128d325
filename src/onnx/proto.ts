import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Dim } from '../graph/index.ts';

/**
 * ONNX models as data, and their bytes. Only the messages and fields that preftune writes.
 *
 * Source: onnx/onnx.proto3 (field numbers and enum values), ONNX IR specification version 10.
 */

/** TensorProto.DataType of the element types that we write. */
export const ONNX_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  uint32: 12,
  uint64: 13,
} as const;

export type OnnxType = keyof typeof ONNX_TYPES;

export interface OnnxTensor {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
  /** Little-endian elements, or the place of the elements in a file given to the session beside the model. */
  readonly data: Uint8Array | OnnxExternalData;
}

export interface OnnxExternalData {
  readonly location: string;
  /** Where the elements start in the file; default 0. */
  readonly offsetBytes?: number;
  readonly lengthBytes: number;
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly text: string }
  | { readonly tensor: OnnxTensor }
  | { readonly graph: OnnxGraph };

export interface OnnxNode {
  readonly operator: string;
  /** '' is ai.onnx. */
  readonly domain: string;
  readonly name: string;
  /** '' leaves an optional input out. */
  readonly inputs: readonly string[];
  /** '' leaves an optional output out. */
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  /** A text is a symbolic dimension (dim_param). undefined: nothing is said of the shape. */
  readonly shape: readonly Dim[] | undefined;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxTensor[];
}

/** The IR and operator set versions that are written; onnxruntime 1.30 reads them. */
export const IR_VERSION = 10;
export const OPERATOR_SETS: Readonly<Record<string, number>> = { '': 20, 'com.microsoft': 1 };

const ATTRIBUTE_TYPES = { float: 1, int: 2, text: 3, tensor: 4, graph: 5, ints: 7 } as const;
const EXTERNAL = 1;

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function integer(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}

function writeEntry(writer: BinaryWriter, field: number, [key, value]: readonly [string, string]): void {
  message(writer, field, () => {
    text(writer, 1, key);
    text(writer, 2, value);
  });
}

function writeTensor(writer: BinaryWriter, { name, type, dims, data }: OnnxTensor): void {
  for (const dim of dims) integer(writer, 1, dim);
  integer(writer, 2, ONNX_TYPES[type]);
  text(writer, 8, name);
  if (data instanceof Uint8Array) {
    writer.tag(9, WireType.LengthDelimited).bytes(data);
    return;
  }
  writeEntry(writer, 13, ['location', data.location]);
  writeEntry(writer, 13, ['offset', String(data.offsetBytes ?? 0)]);
  writeEntry(writer, 13, ['length', String(data.lengthBytes)]);
  integer(writer, 14, EXTERNAL);
}

function writeAttribute(writer: BinaryWriter, name: string, value: OnnxAttribute): void {
  text(writer, 1, name);
  let type: number;
  if ('float' in value) {
    type = ATTRIBUTE_TYPES.float;
    writer.tag(2, WireType.Bit32).float(value.float);
  } else if ('int' in value) {
    type = ATTRIBUTE_TYPES.int;
    integer(writer, 3, value.int);
  } else if ('text' in value) {
    type = ATTRIBUTE_TYPES.text;
    text(writer, 4, value.text);
  } else if ('tensor' in value) {
    type = ATTRIBUTE_TYPES.tensor;
    message(writer, 5, () => writeTensor(writer, value.tensor));
  } else if ('graph' in value) {
    type = ATTRIBUTE_TYPES.graph;
    message(writer, 6, () => writeGraph(writer, value.graph));
  } else {
    type = ATTRIBUTE_TYPES.ints;
    for (const element of value.ints) integer(writer, 8, element);
  }
  integer(writer, 20, type);
}

function writeNode(writer: BinaryWriter, node: OnnxNode): void {
  for (const read of node.inputs) text(writer, 1, read);
  for (const written of node.outputs) text(writer, 2, written);
  text(writer, 3, node.name);
  text(writer, 4, node.operator);
  for (const [name, value] of Object.entries(node.attributes))
    message(writer, 5, () => writeAttribute(writer, name, value));
  text(writer, 7, node.domain);
}

function writeDim(writer: BinaryWriter, dim: Dim): void {
  if (typeof dim === 'number') integer(writer, 1, dim);
  else text(writer, 2, dim);
}

/** ValueInfoProto { name, TypeProto { Tensor { elem_type, TensorShapeProto { dim } } } } */
function writeValue(writer: BinaryWriter, { name, type, shape }: OnnxValue): void {
  text(writer, 1, name);
  message(writer, 2, () => {
    message(writer, 1, () => {
      integer(writer, 1, ONNX_TYPES[type]);
      if (shape === undefined) return;
      message(writer, 2, () => {
        for (const dim of shape) message(writer, 1, () => writeDim(writer, dim));
      });
    });
  });
}

function writeGraph(writer: BinaryWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) message(writer, 1, () => writeNode(writer, node));
  text(writer, 2, graph.name);
  for (const tensor of graph.initializers) message(writer, 5, () => writeTensor(writer, tensor));
  for (const value of graph.inputs) message(writer, 11, () => writeValue(writer, value));
  for (const value of graph.outputs) message(writer, 12, () => writeValue(writer, value));
}

/** The bytes of a ModelProto around `graph`. */
export function encodeModel(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  integer(writer, 1, IR_VERSION);
  text(writer, 2, 'preftune');
  message(writer, 7, () => writeGraph(writer, graph));
  for (const [domain, version] of Object.entries(OPERATOR_SETS)) {
    message(writer, 8, () => {
      text(writer, 1, domain);
      integer(writer, 2, version);
    });
  }
  return writer.finish();
}
