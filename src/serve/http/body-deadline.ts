import type { IncomingMessage } from 'node:http';

export interface BodyLimits {
  /** Milliseconds from the headers to the last byte of a body. */
  readonly bodyMs: number;
  /** The same of a file. */
  readonly uploadMs: number;
  /** Least bytes a second of a file, in each window of `windowMs`. */
  readonly uploadBytesPerSecond: number;
  readonly windowMs: number;
}

export interface BodyWatch {
  readonly isUpload: boolean;
  /** The body was too slow; called once, with the reason. */
  readonly onSlow: (reason: string) => void;
}

/**
 * Looks at the clock while a body comes, whoever reads it: the whole must be there in time, and a file must also come at a least rate, so that one who sends a byte now
 * and then does not hold a connection for as long as an honest upload over a slow line may take.
 */
export function watchBody(
  incoming: IncomingMessage,
  { bodyMs, uploadMs, uploadBytesPerSecond, windowMs }: BodyLimits,
  { isUpload, onSlow }: BodyWatch,
): void {
  // A request without a body is complete a moment after its headers.
  const wholeMs = isUpload ? uploadMs : bodyMs;
  let window: NodeJS.Timeout | undefined;
  const end = (): void => {
    clearTimeout(deadline);
    clearInterval(window);
    incoming.off('end', end);
    incoming.off('close', end);
  };
  const slow = (reason: string): void => {
    end();
    if (!incoming.complete) onSlow(reason);
  };
  const deadline = setTimeout(() => slow(`The body must be there within ${wholeMs / 1000} s`), wholeMs);
  deadline.unref();
  if (isUpload) {
    const { socket } = incoming;
    let before = socket.bytesRead;
    window = setInterval(() => {
      const came = socket.bytesRead - before;
      before = socket.bytesRead;
      // What has come and is not taken yet is our own slowness, or the disk's.
      if (incoming.readableLength > 0 || (came * 1000) / windowMs >= uploadBytesPerSecond) return;
      slow(`A file must come with at least ${uploadBytesPerSecond} bytes a second`);
    }, windowMs);
    window.unref();
  }
  incoming.on('end', end);
  incoming.on('close', end);
}
