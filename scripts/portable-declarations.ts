/**
 * Makes the declarations in dist/ readable by TypeScript before 5.7, where typed arrays have no type parameter. `Float32Array<ArrayBuffer>` becomes
 * `ReturnType<Float32ArrayConstructor['of']>`, which is the same type where there is a parameter and `Float32Array` where there is none.
 *
 *     tsx scripts/portable-declarations.ts [FOLDER]
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = process.argv[2] ?? join(import.meta.dirname, '..', 'dist');
const ARRAY = /\b((?:Int|Uint|Float|BigInt|BigUint)(?:8|16|32|64)(?:Clamped)?Array)<(ArrayBuffer|ArrayBufferLike)>/g;

for (const name of readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts')) continue;
  const path = join(FOLDER, name);
  const text = readFileSync(path, 'utf8');
  const portable = text.replaceAll(ARRAY, (_, array: string, buffer: string) =>
    buffer === 'ArrayBuffer' ? `ReturnType<${array}Constructor['of']>` : array,
  );
  if (portable !== text) writeFileSync(path, portable);
}
