/** A task of its own, so that messages get through. Timers would wait 4 milliseconds each. */

interface Port {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

// The global of browsers, workers and Node, of which each has its own types.
declare const MessageChannel: new () => { readonly port1: Port; readonly port2: Port };

export function pause(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
