import { createHash, randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import { z } from 'zod';
import { parseRows, sql } from '../../database/index.ts';
import type { Scope } from '../../api/index.ts';
import type { KeyRecord, LedgerRoom } from '../../ledger/index.ts';

/** How long somebody stays signed in, and a link that signs in once may lie unused. */
export const SESSION_MS = 12 * 3_600_000;
export const LINK_MS = 3_600_000;

/** Whose rights a session has, where they are not those of a key: the one who started the server, or anybody while no key is asked for. */
export const OWNER_KEY = 'owner';
export const OPEN_KEY = 'open';
/** The key of the environment is another after a restart, and the store does not know which: its sessions end with the process. */
const ENVIRONMENT_KEY = 'key_env';

/** The person who labels: the name as it was given, and its HMAC, which is what votes hold. */
export interface Annotator {
  readonly hash: string;
  readonly name: string;
}

export interface Session {
  readonly hash: string;
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  readonly annotator: Annotator | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** Sessions of the page, and links that begin one. Tokens are kept as SHA-256 alone; what begins or ends is on the disk before it is answered. */
export interface Sessions {
  /** The token of a link that begins one session. */
  invite(link: { readonly keyId: string; readonly scopes: readonly Scope[]; readonly forMs?: number }): Promise<string>;
  /** The session that a link begins, the first time; undefined afterwards, and for one that is too old. */
  redeem(link: string): Promise<NewSession | undefined>;
  begin(from: { readonly keyId: string; readonly scopes: readonly Scope[] }): Promise<NewSession>;
  /** A session that goes on; its key too. */
  find(token: string): Session | undefined;
  /** Who signed in, for the rest of the session. */
  setAnnotator(session: Session, name: string): Promise<Session>;
  end(session: Session): Promise<void>;
}

export interface NewSession {
  readonly token: string;
  readonly session: Session;
}

export interface SessionOptions {
  /** Undefined where nothing is kept: then sessions end with the process. */
  readonly room: LedgerRoom | undefined;
  /** A key that may be used, by its id. */
  readonly keyOf: (id: string) => KeyRecord | undefined;
  /** Whether callers need a key. */
  readonly isClosed: () => boolean;
  readonly now?: () => number;
}

const ROW = z.object({
  hash: z.string(),
  kind: z.enum(['link', 'session']),
  key_id: z.string(),
  scopes: z.string(),
  annotator_hash: z.string().nullable(),
  annotator_name: z.string().nullable(),
  created_at: z.int(),
  expires_at: z.int(),
});

const MOST_SESSIONS = 10_000;

export async function createSessions({ room, keyOf, isClosed, now = Date.now }: SessionOptions): Promise<Sessions> {
  const links = new Map<string, Session>();
  const sessions = new Map<string, Session>();
  if (room !== undefined) {
    await room.database.write([sql('DELETE FROM sessions WHERE expires_at < ?', now())]);
    for (const row of parseRows(ROW, await room.database.read(sql('SELECT * FROM sessions'))))
      (row.kind === 'link' ? links : sessions).set(row.hash, sessionOf(row));
  }

  const isKept = (session: Session): boolean => room !== undefined && session.keyId !== ENVIRONMENT_KEY;
  const insert = (kind: 'link' | 'session', session: Session) =>
    sql(
      'INSERT INTO sessions (hash, kind, key_id, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
      session.hash,
      kind,
      session.keyId,
      JSON.stringify(session.scopes),
      session.createdAt,
      session.expiresAt,
    );
  const make = (from: { readonly keyId: string; readonly scopes: readonly Scope[] }, forMs: number): NewSession => {
    const token = randomBytes(32).toString('base64url');
    const at = now();
    const { keyId, scopes } = from;
    return {
      token,
      session: { hash: hashOf(token), keyId, scopes, annotator: undefined, createdAt: at, expiresAt: at + forMs },
    };
  };
  const forget = (map: Map<string, Session>): void => {
    for (const [hash, { expiresAt }] of map) if (expiresAt <= now()) map.delete(hash);
    for (const hash of [...map.keys()].slice(0, Math.max(0, map.size - MOST_SESSIONS))) map.delete(hash);
  };
  const isGood = ({ keyId, expiresAt }: Session): boolean =>
    expiresAt > now() && (keyId === OWNER_KEY || (keyId === OPEN_KEY ? !isClosed() : keyOf(keyId) !== undefined));

  return {
    async invite({ forMs = LINK_MS, ...from }) {
      const made = make(from, forMs);
      forget(links);
      if (isKept(made.session)) await room!.database.write([insert('link', made.session)]);
      links.set(made.session.hash, made.session);
      return made.token;
    },
    async redeem(token) {
      const link = links.get(hashOf(token));
      if (link === undefined) return undefined;
      // Before anything is awaited: the second one who comes with it finds nothing.
      links.delete(link.hash);
      if (!isGood(link)) return undefined;
      const made = make(link, SESSION_MS);
      if (isKept(made.session))
        await room!.database.write([
          sql('DELETE FROM sessions WHERE hash = ?', link.hash),
          insert('session', made.session),
        ]);
      sessions.set(made.session.hash, made.session);
      return made;
    },
    async begin(from) {
      const made = make(from, SESSION_MS);
      forget(sessions);
      if (isKept(made.session)) await room!.database.write([insert('session', made.session)]);
      sessions.set(made.session.hash, made.session);
      return made;
    },
    find(token) {
      const session = sessions.get(hashOf(token));
      return session !== undefined && isGood(session) ? session : undefined;
    },
    async setAnnotator(session, name) {
      const hash = room?.hashUser(name) ?? hashOf(name);
      const named = { ...session, annotator: { hash, name } };
      if (isKept(session))
        await room!.database.write([
          sql('UPDATE sessions SET annotator_hash = ?, annotator_name = ? WHERE hash = ?', hash, name, session.hash),
        ]);
      sessions.set(session.hash, named);
      return named;
    },
    async end({ hash }) {
      sessions.delete(hash);
      await room?.database.write([sql('DELETE FROM sessions WHERE hash = ?', hash)]);
    },
  };
}

function sessionOf(row: z.output<typeof ROW>): Session {
  return {
    hash: row.hash,
    keyId: row.key_id,
    scopes: JSON.parse(row.scopes) as Scope[],
    annotator:
      row.annotator_hash === null || row.annotator_name === null
        ? undefined
        : { hash: row.annotator_hash, name: row.annotator_name },
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/**
 * The name of the cookie. Cookies do not know ports, and two servers of one machine would take each other's: so the port is in it. `__Host-` needs Secure, which plain http
 * on loopback does not have in every browser; behind TLS (x-forwarded-proto) the cookie has both.
 */
function cookieName(context: Context, isSecure: boolean): string {
  const port = /:(\d+)$/.exec(context.req.header('host') ?? '')?.[1];
  return `${isSecure ? '__Host-' : ''}preftune${port === undefined ? '' : `-${port}`}`;
}

function isBehindTls(context: Context): boolean {
  return context.req.header('x-forwarded-proto')?.split(',')[0]!.trim() === 'https';
}

/** What the session's cookie holds, if it was sent. */
export function sessionToken(context: Context): string | undefined {
  const name = cookieName(context, isBehindTls(context));
  for (const part of (context.req.header('cookie') ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at !== -1 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

/** `Set-Cookie` of a session that begins; of one that has ended, without a token. */
export function sessionCookie(context: Context, token: string | undefined): string {
  const secure = isBehindTls(context);
  const age = token === undefined ? 0 : SESSION_MS / 1000;
  return `${cookieName(context, secure)}=${token ?? ''}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${age}${secure ? '; Secure' : ''}`;
}
