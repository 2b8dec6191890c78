/** A server at the first free port. Floor: inspect; Node only. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { TwopassError } from "../../../base/errors.ts";
import { codeOf } from "../../../train/node/durable.ts";

export const usualPort = 6464;
const morePorts = 20;

/**
 * Begins to listen.
 *
 * @param port undefined for the usual one, or one of those behind it where it is taken; 0 for any that is free.
 * @returns the port.
 * @throws where that is not possible.
 */
export async function listen(op: string, server: Server, host: string, port: number | undefined): Promise<number> {
  const last = port ?? usualPort + morePorts;
  for (let next = port ?? usualPort; ; next++) {
    try {
      const listening = once(server, "listening");
      server.listen(next, host);
      await listening;
      return (server.address() as AddressInfo).port;
    } catch (error) {
      if (codeOf(error) === "EADDRINUSE" && next < last) continue;
      throw new TwopassError({ op, ...reasonOf(error, host, port, next), cause: error });
    }
  }
}

function reasonOf(
  error: unknown,
  host: string,
  port: number | undefined,
  at: number,
): { readonly problem: string; readonly facts: string; readonly hint: string } {
  const facts = `${host}, port ${at}`;
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return port === undefined
        ? { problem: "the ports are taken", facts: `${host}, ${usualPort} to ${at}`, hint: "give a free one" }
        : { problem: "the port is taken", facts, hint: "give another one, or none to take one that is free" };
    case "EACCES":
      return { problem: "the port may not be used", facts, hint: "give one above 1023" };
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { problem: "this machine has no such address", facts, hint: "127.0.0.1 is this machine for itself" };
    default:
      return {
        problem: "cannot listen",
        facts: `${facts}, ${error instanceof Error ? error.message : String(error)}`,
        hint: "check host and port",
      };
  }
}
