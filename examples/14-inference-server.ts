/**
 * A server that recognises digits: POST 784 bytes (0 is background, 255 is ink) to /predict. Requests that come at the same
 * time are answered by one forward pass. Ctrl-C stops it when all answers are out.
 * Arguments: the model that `npm run example examples/04-digits-cnn.ts` saved (digits-cnn.safetensors) and a port (8080).
 */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { type Tensor, noGrad, tensor } from "twopass";
import { loadFile } from "twopass/io/node";
import * as nn from "twopass/nn";

const [file = "digits-cnn.safetensors", port = "8080"] = process.argv.slice(2);
const [largestBatch, longestWait] = [64, 2]; // requests in a forward pass; milliseconds that the first one waits for others

const model = new nn.Sequential(
  // the network of example 04
  new nn.Conv2d(1, 8, 5),
  new nn.ReLU(),
  new nn.MaxPool2d(2), // [B, 8, 12, 12]
  new nn.Conv2d(8, 16, 5),
  new nn.ReLU(),
  new nn.MaxPool2d(2), // [B, 16, 4, 4]
  new nn.Flatten(),
  new nn.Linear(256, 64),
  new nn.ReLU(),
  new nn.Linear(64, 10), // [B, 10]
);
model.loadStateDict(await loadFile(file));
model.eval();

interface Waiting {
  readonly pixels: Uint8Array;
  answer(chances: number[]): void;
  fail(error: unknown): void;
}
let waiting: Waiting[] = [];

const predict = (pixels: Uint8Array): Promise<number[]> =>
  new Promise((answer, fail) => {
    waiting.push({ pixels, answer, fail });
    if (waiting.length === 1) setTimeout(() => void runBatch(), longestWait);
    else if (waiting.length === largestBatch) void runBatch();
  });

async function runBatch(): Promise<void> {
  const batch = waiting;
  waiting = [];
  if (batch.length === 0) return;
  try {
    const pixels = new Uint8Array(batch.length * 784);
    batch.forEach((one, i) => pixels.set(one.pixels, i * 784));
    const x: Tensor = tensor(pixels, { shape: [batch.length, 1, 28, 28] })
      .div(255)
      .sub(0.1307)
      .div(0.3081);
    const chances = await noGrad(() => model.forward(x).softmax(-1)).array(2); // [B, 10]
    batch.forEach((one, i) => one.answer(chances[i] as number[]));
  } catch (error) {
    for (const one of batch) one.fail(error);
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > 784) return undefined; // what follows is not kept
    parts.push(part);
  }
  return size === 784 ? Buffer.concat(parts) : undefined;
}

const server = createServer((request, response) => void answer(request, response));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = (status: number, body: unknown): void => {
    response.writeHead(status, {
      "content-type": "application/json",
      connection: server.listening ? "keep-alive" : "close",
    });
    response.end(JSON.stringify(body));
  };
  try {
    if (request.method !== "POST" || request.url !== "/predict")
      return reply(404, { error: "POST 784 bytes to /predict" });
    const pixels = await readBody(request);
    if (pixels === undefined) return reply(400, { error: "the body must be 784 bytes" });
    const chances = await predict(pixels);
    reply(200, { digit: chances.indexOf(Math.max(...chances)), chances });
  } catch (error) {
    console.error(error);
    reply(500, { error: "the model failed" });
  }
}

server.listen(Number(port), "127.0.0.1", () => console.log(`listening on ${JSON.stringify(server.address())}`));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    console.log("stopping");
    server.close(() => console.log("stopped")); // takes no new connections, ends when the open ones are answered
    server.closeIdleConnections();
  });
}
