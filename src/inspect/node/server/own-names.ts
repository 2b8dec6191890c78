/**
 * Under which names a server may be asked. A page of another host can make a browser believe that its name is this machine
 * (DNS rebinding), but not change the name that the browser then sends. Floor: inspect; Node only.
 */
import { isIP } from "node:net";
import { hostname } from "node:os";

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i;
const everywhere: readonly string[] = ["0.0.0.0", "::"];

/** Whether only programs of this machine can reach a server of that name. */
export function isLoopback(host: string): boolean {
  return loopback.test(host);
}

/** How a host is written in an address. */
export function inAddress(host: string): string {
  const reached = everywhere.includes(host) ? "127.0.0.1" : host;
  return isIP(reached) === 6 ? `[${reached}]` : reached;
}

/** Whether the header "Host" names a server that listens at `host`. Ports are not looked at: tunnels have their own. */
export function isOwnName(header: string | undefined, host: string): boolean {
  const name = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d*)?$/i.exec(header ?? "")?.[1]?.toLowerCase();
  if (name === undefined) return false;
  if (isLoopback(name) || name === inAddress(host).toLowerCase()) return true;
  // An address in numbers is no name that somebody else could have given.
  return everywhere.includes(host) && (isIP(name.replace(/^\[(.*)\]$/, "$1")) > 0 || name === hostname().toLowerCase());
}
