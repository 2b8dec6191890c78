/** Starts the workers of a page. */
import type { ServiceName } from "./services.ts";

/** What a client needs of a worker. */
export interface WorkerPort<ToWorker> {
  post(message: ToWorker): void;
  close(): void;
}

export interface PortEvents<FromWorker> {
  message(message: FromWorker): void;
  /** It has died, or never started. */
  failed(reason: string): void;
}

interface WebWorker {
  onmessage: ((event: { readonly data: never }) => void) | null;
  onmessageerror: (() => void) | null;
  onerror: ((event: { readonly message?: string; preventDefault(): void }) => void) | null;
  postMessage(message: unknown): void;
  terminate(): void;
}

// The global of browsers: bundlers look for its name.
declare const Worker: new (url: URL, options: { readonly type: "module"; readonly name: string }) => WebWorker;

export function startWorker<FromWorker>(service: ServiceName, events: PortEvents<FromWorker>): WorkerPort<unknown> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: service });
  worker.onmessage = ({ data }) => events.message(data);
  worker.onmessageerror = () => events.failed("a message could not be read");
  worker.onerror = (event) => {
    event.preventDefault();
    events.failed(event.message ?? "");
  };
  return { post: (message) => worker.postMessage(message), close: () => worker.terminate() };
}
