/** All texts of the command line that are no errors, by language, and which language is wanted. Floor: cli; Node only. */
import type { KindName } from "./kinds/kind.ts";
import type { TaskName } from "./tasks.ts";
import { en } from "./texts/en.ts";
import { zh } from "./texts/zh.ts";

export type CommandName = "train" | "eval" | "predict" | "summary" | "devices" | "inspect";

/** The numbers of a line that says what is trained. */
export interface Plan {
  readonly model: string;
  readonly parameters: string;
  readonly training: string;
  readonly test: string;
  readonly batchSize: number;
  readonly epochs: number;
  readonly device: string;
  readonly seed: number;
}

/** One language. Options are by name, without the dashes. */
export interface Texts {
  readonly headings: {
    readonly usage: string;
    readonly commands: string;
    readonly tasks: string;
    readonly options: string;
    readonly models: string;
    readonly examples: string;
    readonly config: string;
    readonly json: string;
  };
  readonly commands: Readonly<Record<CommandName, string>>;
  readonly tasks: Readonly<Record<TaskName, string>>;
  readonly options: Readonly<Record<OptionName, string>>;
  /** What each of the lists in the help of `train` is about. */
  readonly help: {
    /** Epochs, examples in a step, highest learning rate. */
    readonly defaults: (epochs: number, batchSize: number, lr: number) => string;
    /** A word for a task in a usage line. */
    readonly task: string;
    readonly more: string;
    readonly configs: Readonly<Record<KindName, string>>;
    /** What `--json` prints, for each command. */
    readonly json: Readonly<Record<CommandName, string>>;
    readonly predictInputs: Readonly<Record<KindName, string>>;
    /** What the folder of `inspect` is. */
    readonly inspected: string;
  };
  readonly train: {
    readonly plan: (plan: Plan) => string;
    readonly notes: Readonly<Record<"withoutTarget" | "filled", (count: number) => string>>;
    readonly seconds: (seconds: string) => string;
    readonly passes: (forward: string, backward: string, update: string, rest: string) => string;
    readonly saved: (file: string) => string;
    readonly interrupted: (epoch: number, step: number) => string;
    readonly resume: (command: string) => string;
    readonly notKept: string;
  };
  /** How the numbers of a test are introduced. */
  readonly test: string;
  readonly metrics: Readonly<Record<MetricName, string>>;
  readonly eval: { readonly confusion: string };
  readonly predict: {
    readonly columns: Readonly<Record<"row" | "step" | "predicted" | "probability" | "actual" | "others", string>>;
  };
  readonly devices: { readonly usual: string };
  readonly inspect: {
    readonly serving: (folder: string) => string;
    readonly otherPort: (usual: number, port: number) => string;
    /** Other machines reach the server. */
    readonly exposed: string;
    readonly waiting: (folder: string) => string;
    readonly notOpened: string;
  };
}

export type MetricName = "loss" | "accuracy" | "r2" | "rmse" | "mae" | "perplexity";

export type OptionName =
  | "model"
  | "epochs"
  | "batch-size"
  | "lr"
  | "weight-decay"
  | "seed"
  | "device"
  | "data"
  | "target"
  | "column"
  | "tokenizer"
  | "config"
  | "out"
  | "checkpoint"
  | "checkpoint-every"
  | "resume"
  | "log"
  | "watch"
  | "watch-every"
  | "watch-traces"
  | "json"
  | "lang"
  | "help"
  | "version"
  | "modelFile"
  | "testData"
  | "prompt"
  | "length"
  | "temperature"
  | "predictSeed"
  | "steps"
  | "invert"
  | "summaryModel"
  | "port"
  | "host"
  | "open";

export const languages = { en, zh } as const satisfies Readonly<Record<string, Texts>>;
export type Language = keyof typeof languages;

/** The language of a locale such as "zh_CN.UTF-8"; English for all that are not there. */
export function languageOf(locale: string): Language {
  return /^zh(?![a-z])/i.test(locale) ? "zh" : "en";
}

/** The locale for messages, as POSIX orders the variables; without them that of the system. */
export function localeOf(environment: Readonly<Record<string, string | undefined>>): string {
  const set = [environment["LC_ALL"], environment["LC_MESSAGES"], environment["LANG"]].find(
    (name) => name !== undefined && name !== "",
  );
  return set ?? new Intl.DateTimeFormat().resolvedOptions().locale;
}
