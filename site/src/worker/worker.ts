/**
 * The one entry of all workers of the page, so that they share their code. What comes before a service is there waits for
 * it, in order.
 */
import { setDefaultDevice } from "twopass";
import { isLessonId } from "../lessons/lesson-ids.ts";
import { type Request, answering } from "./calls.ts";

interface Scope {
  readonly name: string;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
}

const scope = globalThis as unknown as Scope;
const post = (message: unknown): void => scope.postMessage(message);

async function service(name: string): Promise<(message: never) => void> {
  if (name === "inspector") {
    const { traceRoom } = await import("../inspector/trace-room.ts");
    return answering(traceRoom(), post);
  }
  if (isLessonId(name)) {
    const { labs } = await import("../lessons/labs.ts");
    setDefaultDevice("wasm");
    const lab = await labs[name]();
    return answering(lab, post) as (message: Request) => void;
  }
  const { serve } = await import("../session/serve.ts");
  return serve(post, "wasm");
}

const started = service(scope.name);
// A service that cannot start is an error of the worker, which the page is told of.
started.catch((error: unknown) => {
  setTimeout(() => {
    throw error;
  });
});
scope.onmessage = ({ data }) =>
  void started.then(
    (take) => take(data as never),
    () => undefined,
  );
