/** Starts the worker of a page. */
import type { FromPage, FromWorker } from "./protocol.ts";

/** What a client needs of a worker. */
export interface SessionPort {
  post(message: FromPage): void;
  close(): void;
}

export interface PortEvents {
  message(message: FromWorker): void;
  /** It has died, or never started. */
  failed(reason: string): void;
}

export type StartPort = (events: PortEvents) => SessionPort;

interface WebWorker {
  onmessage: ((event: { readonly data: FromWorker }) => void) | null;
  onmessageerror: (() => void) | null;
  onerror: ((event: { readonly message?: string; preventDefault(): void }) => void) | null;
  postMessage(message: unknown): void;
  terminate(): void;
}

// The global of browsers: bundlers look for its name.
declare const Worker: new (url: URL, options: { readonly type: "module" }) => WebWorker;

export const startWorker: StartPort = (events) => {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => events.message(data);
  worker.onmessageerror = () => events.failed("a message could not be read");
  worker.onerror = (event) => {
    event.preventDefault();
    events.failed(event.message ?? "");
  };
  return { post: (message) => worker.postMessage(message), close: () => worker.terminate() };
};
