/** The worker of the inspector: messages to calls of the trace room and back. */
import type { InspectorReply, InspectorRequest } from "./calls.ts";
import { traceRoom } from "./trace-room.ts";

const room = traceRoom();

async function answer({ id, call, args }: InspectorRequest): Promise<InspectorReply> {
  try {
    const body = room[call] as (...given: typeof args) => unknown;
    return { id, result: await body(...args) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

globalThis.addEventListener("message", (event: MessageEvent<InspectorRequest>) => {
  void answer(event.data).then((reply) => globalThis.postMessage(reply));
});
