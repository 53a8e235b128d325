/** Archives in POSIX's ustar form (IEEE 1003.1-2017, pax, "ustar Interchange Format"), as far as backups need it: plain files with short names. */
import { badInput } from '../core/index.ts';

const BLOCK = 512;
const MOST_NAME_BYTES = 100;

export interface ArchiveEntry {
  readonly name: string;
  readonly sizeBytes: number;
}

/** The block before an entry's bytes. Sizes from 8 GiB are written in base 256, as GNU tar and bsdtar read them. */
export function entryHeader({ name, sizeBytes }: ArchiveEntry, modifiedMs: number): Uint8Array {
  const header = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) > MOST_NAME_BYTES)
    throw badInput(`a name in a backup must have at most ${MOST_NAME_BYTES} bytes, got ${name}`);
  const octal = (value: number, at: number, length: number): void => {
    header.write(value.toString(8).padStart(length - 1, '0'), at, length - 1, 'ascii');
  };
  header.write(name, 0, 'utf8');
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  if (sizeBytes < 8 ** 11) octal(sizeBytes, 124, 12);
  else {
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(sizeBytes), 128);
  }
  octal(Math.floor(modifiedMs / 1000), 136, 12);
  header.write('        0', 148, 'ascii');
  header.write('ustar', 257, 'latin1');
  header.write('00', 263, 'latin1');
  octal(checksum(header), 148, 7);
  header[155] = 0x20;
  return header;
}

/** Zeros up to the next block. */
export function padding(sizeBytes: number): Uint8Array {
  return new Uint8Array((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
}

/** Two empty blocks: without them an archive was cut off. */
export const ARCHIVE_END: Uint8Array = new Uint8Array(2 * BLOCK);

/** The sum of the bytes of a header, its own field counted as spaces. */
function checksum(header: Uint8Array): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);
}

/** An entry of a header, undefined for an empty block. Throws bad-input for anything but a plain file of ours. */
function parseHeader(header: Buffer): ArchiveEntry | undefined {
  if (header.every((byte) => byte === 0)) return undefined;
  const text = (at: number, length: number): string =>
    header
      .toString('utf8', at, at + length)
      .split('\0')[0]!
      .trim();
  const isPlain = header[156] === 0x30 || header[156] === 0;
  if (text(257, 5) !== 'ustar' || Number.parseInt(text(148, 8), 8) !== checksum(header) || !isPlain)
    throw badInput(
      'must be a backup that preftune store backup wrote, got an archive of something else, or a damaged one',
    );
  const size = header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(text(124, 12), 8);
  if (!Number.isSafeInteger(size) || size < 0)
    throw badInput('must be a backup that is whole, got an entry without a size');
  return { name: text(0, MOST_NAME_BYTES), sizeBytes: size };
}

/** Reads exactly so many bytes, or fewer at the end of the file. */
export type ReadBytes = (length: number) => Promise<Buffer>;

const PIECE_BYTES = 2 ** 20;

/**
 * Goes through an archive: `begin` is told each entry, and gives what takes its bytes. Throws bad-input for an archive that is cut off, damaged or of another kind.
 */
export async function readArchive(
  read: ReadBytes,
  begin: (entry: ArchiveEntry) => Promise<(piece: Uint8Array) => Promise<void>>,
): Promise<void> {
  const whole = async (length: number): Promise<Buffer> => {
    const bytes = await read(length);
    if (bytes.length === length) return bytes;
    throw badInput('must be a backup that is whole, got one that was cut off');
  };
  for (let entry = parseHeader(await whole(BLOCK)); entry !== undefined; entry = parseHeader(await whole(BLOCK))) {
    const take = await begin(entry);
    for (let left = entry.sizeBytes; left > 0; left -= PIECE_BYTES)
      await take(await whole(Math.min(left, PIECE_BYTES)));
    await whole(padding(entry.sizeBytes).length);
  }
  await whole(BLOCK);
}
