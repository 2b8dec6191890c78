/** The worker's loop over messages: requests come in, replies and events go out. It never ends by an error. */
import type { DeviceName } from "twopass";
import { SessionError } from "./faults.ts";
import type { FromPage, FromWorker, Request } from "./protocol.ts";
import { Session } from "./session.ts";

/** Gives what takes a message of the page. */
export function serve(post: (message: FromWorker) => void, device?: DeviceName): (message: FromPage) => void {
  const session = new Session({
    ...(device === undefined ? {} : { device }),
    onEvent: (event) => post({ event }),
  });
  const answer = async ({ id, call, args }: Request): Promise<void> => {
    try {
      const method = session[call] as (...given: readonly unknown[]) => Promise<unknown>;
      post({ id, result: await method.apply(session, args) });
    } catch (error) {
      post({ id, error: describeError(error) });
    }
  };
  return (message) => {
    if ("ping" in message) post({ pong: message.ping });
    else if ("digits" in message) session.digits = message.digits;
    else void answer(message);
  };
}

function describeError(error: unknown): Extract<FromWorker, { error: unknown }>["error"] {
  if (error instanceof SessionError) {
    const { message, code, values } = error;
    return code === undefined ? { message } : { message, code, values };
  }
  return { message: error instanceof Error ? error.message : String(error) };
}
