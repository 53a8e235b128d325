import type { PageHeader } from 'hyparquet';

/** Writers fill the last packed group of a run up to whole bytes and, some, to whole blocks. */
const PADDING_VALUES = 512;

export interface PageLevels {
  readonly maxRepetition: number;
  readonly maxDefinition: number;
}

/**
 * Checks that the runs of a decompressed page, of levels and of dictionary indices, stay inside its bytes and its count of
 * values. A decoder writes a run of two thousand million values without asking. Throws a plain Error.
 * Source: Apache Parquet, "Encodings", RLE / bit-packing hybrid; "Data pages".
 */
export function checkPage(header: PageHeader, page: Uint8Array, { maxRepetition, maxDefinition }: PageLevels): void {
  const first = header.data_page_header;
  const second = header.data_page_header_v2;
  const { num_values: values, encoding } = (first ?? second)!;
  let at = 0;
  if (second !== undefined) {
    const repetitionBytes = second.repetition_levels_byte_length;
    const definitionBytes = second.definition_levels_byte_length;
    checkRuns(page.subarray(0, repetitionBytes), { values, width: widthOf(maxRepetition) });
    at = repetitionBytes + definitionBytes;
    checkRuns(page.subarray(repetitionBytes, at), { values, width: widthOf(maxDefinition) });
  } else {
    for (const level of [maxRepetition, maxDefinition]) {
      if (level === 0) continue;
      const runs = prefixed(page, at);
      checkRuns(runs, { values, width: widthOf(level) });
      at += 4 + runs.length;
    }
  }
  if (encoding === 'RLE') checkRuns(prefixed(page, at), { values, width: 1 });
  if (!encoding.endsWith('_DICTIONARY') || at === page.length) return;
  const width = page[at]!;
  if (width > 32) throw new Error(`dictionary indices must have at most 32 bits, got ${width}`);
  checkRuns(page.subarray(at + 1), { values, width });
}

/** Bytes behind their length in four bytes. */
function prefixed(page: Uint8Array, at: number): Uint8Array {
  if (at + 4 > page.length) throw new Error('the page ends inside its levels');
  const sizeBytes = new DataView(page.buffer, page.byteOffset + at, 4).getUint32(0, true);
  if (at + 4 + sizeBytes > page.length) throw new Error('the page ends inside its levels');
  return page.subarray(at + 4, at + 4 + sizeBytes);
}

function widthOf(level: number): number {
  return level === 0 ? 0 : 32 - Math.clz32(level);
}

function checkRuns(bytes: Uint8Array, { values, width }: { values: number; width: number }): void {
  let seen = 0;
  let at = 0;
  while (seen < values && at < bytes.length) {
    let head = 0;
    let shift = 0;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 28) throw new Error('a run must start with its length');
      head += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
      shift += 7;
    }
    const isPacked = head % 2 === 1;
    const count = isPacked ? Math.floor(head / 2) * 8 : head / 2;
    if (count > values + PADDING_VALUES) throw new Error(`a run must have at most ${values} values, got ${count}`);
    seen += count;
    at += isPacked ? Math.ceil((count * width) / 8) : Math.ceil(width / 8);
  }
}
