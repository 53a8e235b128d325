import { lookup as resolveName, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/**
 * What an address is to a server that asks there with a key of its own. `special` are addresses that no model server has and attackers want: link-local ones with the
 * metadata services of clouds, unspecified, multicast and reserved ones.
 */
export type AddressKind = 'public' | 'loopback' | 'private' | 'special';

const SPECIAL = listOf([
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  // Metadata of Alibaba's, Azure's and Oracle's clouds, which lie outside the link-local range.
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['192.0.0.0', 24],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['fd00:ec2::254', 128],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
  ['2001:db8::', 32],
  // 6to4 and Teredo carry another address inside.
  ['2002::', 16],
  ['2001::', 32],
]);
const LOOPBACK = listOf([
  ['127.0.0.0', 8],
  ['::1', 128],
]);
const PRIVATE = listOf([
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['fc00::', 7],
]);

function listOf(subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of subnets) list.addSubnet(address, prefix, address.includes(':') ? 'ipv6' : 'ipv4');
  return list;
}

/** The kind of an address in numbers, IPv4 inside IPv6 (mapped, compatible, NAT64) by what is inside. */
export function addressKind(address: string): AddressKind {
  const bare = address.replace(/%.*$/, '');
  const inner = innerIpv4(bare);
  if (inner !== undefined) return addressKind(inner);
  const family = isIP(bare) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(bare) === 0 || bare === '::') return 'special';
  if (SPECIAL.check(bare, family)) return 'special';
  if (LOOPBACK.check(bare, family)) return 'loopback';
  return PRIVATE.check(bare, family) ? 'private' : 'public';
}

/** ::ffff:a.b.c.d, ::a.b.c.d and 64:ff9b::a.b.c.d; undefined for addresses that carry no other. */
function innerIpv4(address: string): string | undefined {
  if (isIP(address) !== 6) return undefined;
  // The URL parser writes addresses in one way: hexadecimal, the longest run of zeros as `::`.
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const match = /^(?:64:ff9b::|::ffff:|::)(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})$/.exec(text);
  if (match === null || text === '::1') return undefined;
  const [high, low] = [Number.parseInt(match[1] ?? '0', 16), Number.parseInt(match[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

export interface AddressPolicy {
  /** As the URL parser gives it: lower case, brackets around IPv6. */
  readonly host: string;
  readonly allowsPrivateAddress: boolean;
}

/** The kind of a host that is an address or localhost; undefined for a name, whose addresses are not known yet. */
export function hostKind(host: string): AddressKind | undefined {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0) return addressKind(bare);
  return bare === 'localhost' || bare.endsWith('.localhost') ? 'loopback' : undefined;
}

/** Whether a connection to the address may be made for that host. */
export function isAllowedAddress(address: string, { host, allowsPrivateAddress }: AddressPolicy): boolean {
  const kind = addressKind(address);
  if (kind === 'public') return true;
  const isConfigured = hostKind(host) === kind;
  return kind === 'special' ? isConfigured && allowsPrivateAddress : isConfigured || allowsPrivateAddress;
}

/** Of a name that leads where no upstream of its kind may be. */
export class RefusedAddressError extends Error {}

/**
 * A look-up whose answers were checked: the socket connects to what comes out of it, so that a name cannot lead elsewhere between check and use. Fails with
 * RefusedAddressError where no address of the name is allowed.
 */
export function checkedLookup(
  policy: AddressPolicy,
  resolve: (
    host: string,
    options: { readonly all: true },
    done: (error: Error | null, found: LookupAddress[]) => void,
  ) => void = resolveName,
): LookupFunction {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return void done(error, '', 0);
      const allowed = found.filter(({ address }) => isAllowedAddress(address, policy));
      const first = allowed[0];
      if (first === undefined) {
        const kinds = [...new Set(found.map(({ address }) => addressKind(address)))].join(', ');
        return void done(new RefusedAddressError(`the name leads to an address of the kind ${kinds}`), '', 0);
      }
      if (options.all === true) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };
}
