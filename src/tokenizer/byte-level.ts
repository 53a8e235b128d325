/**
 * The spelling of bytes as printable characters that byte-level vocabularies use: a byte that is a printable Latin-1
 * character stands for itself, the rest take the characters from U+0100 on, in order.
 *
 * Source: GPT-2's released encoder (Radford et al. 2019, section 2.2).
 */
function spellBytes(): readonly string[] {
  let spare = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(printable ? byte : spare++);
  });
}

/** The character of each byte. */
export const BYTE_CHARACTERS: readonly string[] = spellBytes();

const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);

const encoder = new TextEncoder();

/** The UTF-8 bytes of `text`; a lone surrogate becomes U+FFFD's. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The bytes that a token of a byte-level vocabulary stands for; its own UTF-8 if it is not spelled that way, as added tokens may be. */
export function bytesOfToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_CHARACTER.get(token[i]!);
    if (byte === undefined) return utf8(token);
    bytes[i] = byte;
  }
  return bytes;
}
