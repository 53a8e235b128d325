import { createHmac } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { badInput, messageOf, type JsonObject } from '../../core/index.ts';
import { redactJson, redactText, type InferenceEnd, type InferenceStart } from '../../ledger/index.ts';
import type { ForwardSettings } from '../config/forward.ts';
import { createSpool, type Spool, type SpoolStats } from './spool.ts';

/** Sends what a server remembers of its answers to another one. */
export interface Forwarder {
  /** Resolves when the record is on the disk, or was given up: an answer never fails for it. */
  inference(start: InferenceStart, end: InferenceEnd): Promise<void>;
  stats(): SpoolStats & { readonly lost: number };
  /** Delivers what waits, for at most so long; the rest stays on the disk. */
  close(drainMs: number): Promise<void>;
}

type Settings = ForwardSettings & { readonly log: 'text' | 'metadata' | 'off'; readonly redact: boolean };

/** The forwarder of the settings; undefined where they name none. */
export function openForwarder(
  settings: Settings,
  {
    environment,
    onNote,
  }: {
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly onNote: (note: string) => void;
  },
): Forwarder | undefined {
  const { forward: url, forwardKeyEnv, forwardFolder, forwardMib, forwardFull } = settings;
  if (url === undefined || forwardKeyEnv === undefined) return undefined;
  const key = environment[forwardKeyEnv]!;
  const spool = createSpool({
    folder: forwardFolder ?? ownTemporaryFolder(),
    url,
    key,
    mostBytes: forwardMib * 2 ** 20,
    whenFull: forwardFull,
    onNote,
  });
  return createForwarder(spool, { ...settings, key, onNote });
}

/** Everybody may write to the temporary folder: what another user has put at this name would read, or choose, what is sent. Throws bad-input for such. */
function ownTemporaryFolder(): string {
  const user = process.getuid?.();
  const folder = join(tmpdir(), `preftune-spool${user === undefined ? '' : `-${user}`}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (found.isDirectory() && (user === undefined || (found.uid === user && (found.mode & 0o022) === 0))) return folder;
  throw badInput({
    path: 'forwardFolder',
    message: `--forward-folder must be this user's alone, got ${folder}, which another user made or may write to; name another`,
  });
}

export interface ForwarderOptions {
  /** What is sent: texts too, or what is counted alone. */
  readonly log: 'text' | 'metadata' | 'off';
  /** Personal data and keys in texts are masked before they are written. */
  readonly redact: boolean;
  /** Users become HMACs by it: the same from every container that has it. */
  readonly key: string;
  readonly onNote: (note: string) => void;
}

export function createForwarder(spool: Spool, { log, redact, key, onNote }: ForwarderOptions): Forwarder {
  let isLosing = false;
  let lost = 0;
  const text = (value: string): string => (redact ? redactText(value) : value);
  const json = (value: JsonObject): JsonObject => (redact ? redactJson(value) : value);
  const hash = (value: string): string => createHmac('sha256', key).update(value).digest('hex');
  return {
    async inference({ user, request, store, metadata, episodeId, ...start }, { response, error, ...end }) {
      if (log === 'off') return;
      const record = {
        type: 'inference',
        ...start,
        ...end,
        ...(metadata !== undefined && { metadata: json(metadata) }),
        ...(error !== undefined && { error: text(error).slice(0, 300) }),
        ...(user !== undefined && { userHash: hash(user) }),
        // Ids that group must stay different: one that a mask would change becomes its HMAC.
        ...(episodeId !== undefined && { episodeId: text(episodeId) === episodeId ? episodeId : hash(episodeId) }),
        ...(log === 'text' &&
          store !== false && {
            ...(request !== undefined && { request: json(request) }),
            ...(response !== undefined && { response: json(response) }),
          }),
      };
      try {
        await spool.push(record as unknown as JsonObject);
        if (isLosing) onNote(`forward: records wait again; ${lost} were lost`);
        isLosing = false;
      } catch (thrown) {
        lost += 1;
        // Once for each time that it begins: thousands of the same line help nobody.
        if (!isLosing) onNote(`forward: records are lost from ${start.id} on: ${messageOf(thrown)}`);
        isLosing = true;
      }
    },
    stats: () => ({ ...spool.stats(), lost }),
    async close(drainMs) {
      const left = drainMs > 0 ? await spool.drain(drainMs) : 0;
      if (left > 0) onNote(`forward: ${left} records were not delivered; they wait in the folder for the next start`);
      if (lost > 0) onNote(`forward: ${lost} records were lost since the start`);
      await spool.dispose();
    },
  };
}
