import { isLoopback } from '../config/loopback.ts';

/** What is wrong with the address of a home server: the key must not travel in the clear, nor stand in the address. */
export function addressProblem(url: string): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    return `--forward must be an address such as https://home.example/v1/preftune/records, got ${url}`;
  if (parsed.username !== '' || parsed.password !== '')
    return '--forward must hold no password; name the key by --forward-key-env';
  if (parsed.protocol === 'http:' && !isLoopback(parsed.hostname))
    return `--forward must begin with https:// beyond this machine, got ${url}, which would send the key in the clear`;
  return undefined;
}
