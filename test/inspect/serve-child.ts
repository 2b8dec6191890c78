/** Serves a folder, lets somebody listen to it, closes the server, and has nothing more to do. It sends what it has seen. */
import process from "node:process";
import { serveRuns } from "../../src/inspect/node/index.ts";

const server = await serveRuns(process.argv[2] as string, { port: 0, page: false });
const { body } = await fetch(new URL("api/events", server.url));
const reader = (body as ReadableStream<Uint8Array>).getReader();
const { value } = await reader.read();
await Promise.all([server.close(), server.close()]);
const rest = await reader.read().then(
  ({ done }) => done,
  () => "cut",
);
process.send?.({ first: new TextDecoder().decode(value), rest });
process.disconnect();
