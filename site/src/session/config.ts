/** What a learner chooses in the playground: plain data, kept in the page's address. */

export const dataKinds = [
  "xor",
  "circle",
  "gauss",
  "spiral",
  "moons",
  "wave",
  "plane",
  "points",
  "csv",
  "digits",
  "text",
] as const;
export type DataKind = (typeof dataKinds)[number];

export const activations = ["none", "relu", "leakyRelu", "tanh", "sigmoid", "gelu", "silu", "softplus"] as const;
export type Activation = (typeof activations)[number];

export const inits = ["default", "xavier", "kaiming", "normal", "zeros"] as const;
export type Init = (typeof inits)[number];

/** "crossEntropy" for classes (of two classes with one output: binary cross-entropy); the others for numbers. */
export const losses = ["crossEntropy", "mse", "mae", "huber"] as const;
export type LossName = (typeof losses)[number];

export const optimizers = ["sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw", "lion"] as const;
export type OptimizerName = (typeof optimizers)[number];

/** A point that the learner drew: coordinates from −1 to 1, and a class from 0. */
export interface DrawnPoint {
  readonly x: number;
  readonly y: number;
  readonly label: number;
}

/** One of the learner's own digits: 28 × 28 numbers from 0 to 1, row by row. */
export interface DrawnDigit {
  readonly pixels: readonly number[];
  readonly label: number;
}

export interface DataConfig {
  readonly kind: DataKind;
  /** Examples to make; for the kinds that are made. */
  readonly size: number;
  /** 0 to 0.5, for the kinds that are made. */
  readonly noise: number;
  /** Share of the examples that are kept for the test, 0 to 0.9. */
  readonly testShare: number;
  /** Of "points". */
  readonly points?: readonly DrawnPoint[];
  /** Of "csv": the text of the file and the column to predict; default the last. */
  readonly csv?: string;
  readonly target?: string;
  /** Of "text": the line whose next letters are learnt. */
  readonly text?: string;
  /** Of "digits": the learner's own, beside those that come with the page. */
  readonly digits?: readonly DrawnDigit[];
}

export interface LayerConfig {
  /** 1 to 64. */
  readonly units: number;
  readonly activation: Activation;
  readonly init: Init;
}

export interface OptimizerConfig {
  readonly name: OptimizerName;
  readonly lr: number;
  /** Of momentum, nesterov. */
  readonly momentum: number;
  /** L2 penalty on weights. */
  readonly weightDecay: number;
}

export interface NetworkConfig {
  readonly data: DataConfig;
  /** Hidden layers; the output layer follows from the data and the loss. None is a network too: a line. */
  readonly layers: readonly LayerConfig[];
  readonly loss: LossName;
  readonly optimizer: OptimizerConfig;
  /** Examples in a batch; 0 for all. */
  readonly batchSize: number;
  readonly seed: number;
}

export const firstConfig: NetworkConfig = {
  data: { kind: "xor", size: 200, noise: 0.1, testShare: 0.5 },
  layers: [
    { units: 8, activation: "tanh", init: "default" },
    { units: 8, activation: "tanh", init: "default" },
  ],
  loss: "crossEntropy",
  optimizer: { name: "adam", lr: 0.03, momentum: 0.9, weightDecay: 0 },
  batchSize: 32,
  seed: 1,
};
