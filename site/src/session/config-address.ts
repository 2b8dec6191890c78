/** The choices of the playground as values of the page's address. What is as at first is left out, and drawn digits are. */
import {
  type Activation,
  type DataConfig,
  type DrawnPoint,
  type Init,
  type LayerConfig,
  type NetworkConfig,
  activations,
  dataKinds,
  firstConfig,
  inits,
  losses,
  optimizers,
} from "./config.ts";

type Values = Readonly<Record<string, string>>;

export const configKeys = [
  "data",
  "size",
  "noise",
  "test",
  "points",
  "csv",
  "target",
  "text",
  "layers",
  "loss",
  "opt",
  "lr",
  "mom",
  "wd",
  "batch",
  "seed",
] as const;

/** Longer tables are left out: browsers and chats cut long addresses. */
const longestCsv = 4000;

export function encodeConfig(config: NetworkConfig): Values {
  const all = valuesOf(config);
  const first = valuesOf(firstConfig);
  return Object.fromEntries(Object.entries(all).filter(([key, value]) => value !== first[key]));
}

function valuesOf({ data, layers, loss, optimizer, batchSize, seed }: NetworkConfig): Record<string, string> {
  const values: Record<string, string> = {
    data: data.kind,
    size: String(data.size),
    noise: String(data.noise),
    test: String(data.testShare),
    layers: layers.length === 0 ? "none" : layers.map(layerText).join("_"),
    loss,
    opt: optimizer.name,
    lr: String(optimizer.lr),
    mom: String(optimizer.momentum),
    wd: String(optimizer.weightDecay),
    batch: String(batchSize),
    seed: String(seed),
  };
  if (data.points !== undefined) values["points"] = data.points.map(pointText).join("_");
  if (data.csv !== undefined && data.csv.length <= longestCsv) values["csv"] = data.csv;
  if (data.target !== undefined) values["target"] = data.target;
  if (data.text !== undefined) values["text"] = data.text;
  return values;
}

function layerText({ units, activation, init }: LayerConfig): string {
  return `${units}${activation}${init === "default" ? "" : `-${init}`}`;
}

/** In hundredths. */
function pointText({ x, y, label }: DrawnPoint): string {
  return `${Math.round(100 * x)}.${Math.round(100 * y)}.${label}`;
}

/** @throws for values that are none of a network. */
export function decodeConfig(values: Values): NetworkConfig {
  const all = { ...valuesOf(firstConfig), ...values };
  const text = (key: string): string => all[key] ?? "";
  const number = (key: string, low: number, high: number): number => within(key, Number(text(key)), low, high);
  const whole = (key: string, low: number, high: number): number => Math.round(number(key, low, high));
  const data: DataConfig = {
    kind: oneOf(dataKinds, text("data")),
    size: whole("size", 4, 5000),
    noise: number("noise", 0, 0.5),
    testShare: number("test", 0, 0.9),
    ...(all["points"] === undefined ? {} : { points: split(all["points"]).map(readPoint) }),
    ...(all["csv"] === undefined ? {} : { csv: all["csv"] }),
    ...(all["target"] === undefined ? {} : { target: all["target"] }),
    ...(all["text"] === undefined ? {} : { text: all["text"] }),
  };
  return {
    data,
    layers: text("layers") === "none" ? [] : split(text("layers")).map(readLayer),
    loss: oneOf(losses, text("loss")),
    optimizer: {
      name: oneOf(optimizers, text("opt")),
      lr: number("lr", 0, 1e6),
      momentum: number("mom", 0, 1),
      weightDecay: number("wd", 0, 1e6),
    },
    batchSize: whole("batch", 0, 1e6),
    seed: whole("seed", 0, 2 ** 32 - 1),
  };
}

function split(text: string): string[] {
  return text === "" ? [] : text.split("_");
}

function readLayer(text: string): LayerConfig {
  const [, units = "", activation = "", init = "default"] = /^(\d+)([a-zA-Z]+)(?:-([a-z]+))?$/.exec(text) ?? [];
  return {
    units: within("layers", Number(units || NaN), 1, 64),
    activation: oneOf<Activation>(activations, activation),
    init: oneOf<Init>(inits, init),
  };
}

function readPoint(text: string): DrawnPoint {
  const [x = NaN, y = NaN, label = NaN] = text.split(".").map(Number);
  return {
    x: within("points", x, -100, 100) / 100,
    y: within("points", y, -100, 100) / 100,
    label: Math.round(within("points", label, 0, 9)),
  };
}

function oneOf<T extends string>(choices: readonly T[], text: string): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new RangeError(`${text} is none of ${choices.join(", ")}`);
  return found;
}

function within(key: string, value: number, low: number, high: number): number {
  if (value >= low && value <= high) return value;
  throw new RangeError(`${key} must be from ${low} to ${high}`);
}
