import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export function isLoopback(address: string): boolean {
  const name = address.toLowerCase();
  if (name === 'localhost') return true;
  const version = isIP(name);
  return version !== 0 && loopback.check(name, version === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Says whether a `host` header may stand on a request to a listener at `address`. Where that is a loopback address, only
 * loopback names may: a web page whose name was made to resolve to 127.0.0.1 (DNS rebinding) sends its own name. Any
 * port may, because ports are forwarded. A listener with another address is known by names that it does not know itself.
 */
export function hostCheck(address: string): (host: string | undefined) => boolean {
  if (!isLoopback(address)) return () => true;
  return (host) => {
    const name = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host ?? '');
    return isLoopback(name?.[1] ?? name?.[2] ?? '');
  };
}
