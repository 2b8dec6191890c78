/** The page's side of the inspector's worker: each call is a promise. */
import type { InspectorCallName, InspectorCalls, InspectorReply } from "./calls.ts";

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

type Result<N extends InspectorCallName> = Awaited<ReturnType<InspectorCalls[N]>>;

export class InspectorClient {
  readonly #worker = new Worker(new URL("./inspector-worker.ts", import.meta.url), { type: "module" });
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;

  /** @param lost is called when the worker has ended, with what waits for an answer. */
  constructor(lost: (message: string) => void) {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<InspectorReply>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ("error" in data) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.result as never);
    });
    this.#worker.addEventListener("error", (event) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message));
      this.#waiting.clear();
      lost(event.message);
    });
  }

  call<N extends InspectorCallName>(call: N, ...args: Parameters<InspectorCalls[N]>): Promise<Result<N>> {
    const id = this.#count++;
    return new Promise<Result<N>>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call, args });
    });
  }

  end(): void {
    this.#worker.terminate();
  }
}
