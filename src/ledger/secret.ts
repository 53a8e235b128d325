import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { badInput, runFailed } from '../core/index.ts';
import { sql, type Database } from '../database/index.ts';
import { diskError, writeFileAtomic } from '../files/index.ts';
import { secretPath } from './places.ts';

/** Of the store: 32 bytes, from which every key is derived for its own purpose. */
export interface StoreSecret {
  /** HKDF-SHA-256 (RFC 5869) of the secret, with the purpose as `info`. */
  deriveKey(purpose: string): Uint8Array;
  /** HMAC-SHA-256 of a user's name, in hexadecimal digits. */
  hashUser(user: string): string;
}

const BYTES = 32;

/** The secret of a store; made, readable by its owner alone, where the store is new. Throws bad-input where it is lost or another store's. */
export async function openSecret(folder: string, database: Database): Promise<StoreSecret> {
  const path = secretPath(folder);
  const [known] = await database.read(sql("SELECT value FROM facts WHERE name = 'secret'"));
  if (!existsSync(path)) {
    if (known !== undefined)
      throw badInput({
        file: path,
        message:
          'must be there, got none: without it no user can be found again; restore it from a backup of this store',
      });
    writeFileAtomic(path, `${randomBytes(BYTES).toString('hex')}\n`, { mode: 0o600 });
  }
  const secret = createSecret(readSecret(path));
  const mark = createHmac('sha256', secret.deriveKey('mark')).update('store').digest('hex');
  if (known === undefined) await database.write([sql("INSERT INTO facts (name, value) VALUES ('secret', ?)", mark)]);
  else if (known.value !== mark)
    throw badInput({
      file: path,
      message: 'must be the secret of this store, got that of another; restore the right one',
    });
  return secret;
}

/** The secret as its file holds it. Throws run-failed where that is damaged. */
export function readSecret(path: string): Uint8Array {
  try {
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
    const text = readFileSync(path, 'utf8').trim();
    if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, 'hex');
  } catch (error) {
    throw diskError(path, error);
  }
  throw runFailed({
    file: path,
    message: 'must hold 64 hexadecimal digits, got something else; restore it from a backup',
  });
}

export function createSecret(secret: Uint8Array): StoreSecret {
  const deriveKey = (purpose: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), `preftune/${purpose}`, BYTES));
  const users = deriveKey('users');
  return { deriveKey, hashUser: (user) => createHmac('sha256', users).update(user).digest('hex') };
}

/** The HMAC that stands for a user in a store, for whoever may read its secret. */
export function userHash(folder: string, user: string): string {
  return createSecret(readSecret(secretPath(folder))).hashUser(user);
}
