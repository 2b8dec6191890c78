/**
 * Calls between the page and a worker: what is an object with functions in the worker is a `CallClient` in the page, where
 * each call is a promise. Arguments and results are copied as messages are.
 */
import { type PortEvents, type WorkerPort, startWorker } from "./start.ts";
import type { ServiceName } from "./services.ts";

export interface Request {
  readonly id: number;
  readonly call: string;
  readonly args: readonly unknown[];
}

export type Reply =
  | { readonly id: number; readonly result: unknown }
  /** For people. */
  | { readonly id: number; readonly error: string };

type Method = (...args: never) => unknown;

/** Names of what can be called. */
export type CallName<C> = { [N in keyof C]: C[N] extends Method ? N : never }[keyof C] & string;
type Arguments<C, N extends keyof C> = C[N] extends (...args: infer A extends unknown[]) => unknown ? A : never;
type Result<C, N extends keyof C> = C[N] extends (...args: never) => infer R ? Awaited<R> : never;

/** The worker's side. Calls begin in the order in which they come, and do not wait for each other. */
export function answering(calls: object, post: (reply: Reply) => void): (request: Request) => void {
  const answer = async ({ id, call, args }: Request): Promise<Reply> => {
    try {
      const method = (calls as Readonly<Record<string, (...given: unknown[]) => unknown>>)[call];
      if (method === undefined) throw new Error(`internal: no call ${call}`);
      return { id, result: await method.apply(calls, [...args]) };
    } catch (error) {
      return { id, error: error instanceof Error ? error.message : String(error) };
    }
  };
  const send = (reply: Reply): void => {
    try {
      post(reply);
    } catch (error) {
      // What cannot be copied.
      post({ id: reply.id, error: String(error) });
    }
  };
  return (request) => void answer(request).then(send);
}

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** The page's side. */
export class CallClient<C extends object> {
  readonly #port: WorkerPort<Request>;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;
  #ended: string | undefined;

  /** @param lost is called where the worker dies by itself; what waits for an answer fails. */
  constructor(
    service: ServiceName,
    lost: (reason: string) => void,
    start: (service: ServiceName, events: PortEvents<Reply>) => WorkerPort<Request> = startWorker,
  ) {
    this.#port = start(service, {
      message: (reply) => {
        const waiting = this.#waiting.get(reply.id);
        this.#waiting.delete(reply.id);
        if ("error" in reply) waiting?.reject(new Error(reply.error));
        else waiting?.resolve(reply.result as never);
      },
      failed: (reason) => {
        if (this.#ended !== undefined) return;
        this.#end(reason);
        lost(reason);
      },
    });
  }

  call<N extends CallName<C>>(call: N, ...args: Arguments<C, N>): Promise<Result<C, N>> {
    const id = this.#count++;
    return new Promise<Result<C, N>>((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(new EndedError(this.#ended));
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      this.#port.post({ id, call, args });
    });
  }

  /** Ends the worker; what waits for an answer fails with an `EndedError`. */
  end(): void {
    this.#end("it was ended");
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    this.#port.close();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new EndedError(reason));
  }
}

/** The worker is no longer there. */
export class EndedError extends Error {
  override readonly name = "EndedError";

  constructor(reason: string) {
    super(`The worker has ended: ${reason}.`);
  }
}
