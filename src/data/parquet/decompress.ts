import { decompress as zstd } from 'fzstd';
import type { CompressionCodec } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/**
 * The bytes of a compressed page, `sizeBytes` of them. Throws a plain Error for a codec that is not known, damaged bytes and
 * another size than the page's header says.
 */
export function decompressPage(codec: CompressionCodec, bytes: Uint8Array, sizeBytes: number): Uint8Array {
  const page = codec === 'UNCOMPRESSED' ? bytes : unpack(codec, bytes, sizeBytes);
  if (page.length !== sizeBytes) throw new Error(`a page must unpack to ${sizeBytes} bytes, got ${page.length}`);
  // In a buffer of its own, so that a length that points behind the page finds the end.
  return page !== bytes && page.byteLength === page.buffer.byteLength ? page : new Uint8Array(page);
}

function unpack(codec: CompressionCodec, bytes: Uint8Array, sizeBytes: number): Uint8Array {
  if (sizeBytes === 0 && bytes.length === 0) return bytes;
  // Into a buffer of the size that was checked: the frame's own size may be a lie.
  if (codec === 'ZSTD') return zstd(bytes, new Uint8Array(sizeBytes));
  const decompress = compressors[codec];
  if (decompress === undefined) throw new Error(`pages must be packed by a known codec, got ${codec}`);
  return decompress(bytes, sizeBytes);
}
