/** The tasks that have a name, and how a job is completed with defaults. Floor: cli; Node only. */
import { image } from "./kinds/image.ts";
import { defaultDevice } from "../tensor/engines.ts";
import type { Job, Kind, KindName, ModelChoice, ModelDefaults, Source, TrainSettings } from "./kinds/kind.ts";
import { series } from "./kinds/series.ts";
import { table } from "./kinds/table.ts";
import { text } from "./kinds/text.ts";
import { didYouMean, mistake } from "./options.ts";

export const kinds: Readonly<Record<KindName, Kind>> = { image, table, text, series };

export const taskNames = ["digits", "fashion", "regression", "table", "text", "series"] as const;
export type TaskName = (typeof taskNames)[number];

/** What a task has of its own. */
export interface Task {
  readonly kind: KindName;
  readonly data: Source & Readonly<Record<string, unknown>>;
  readonly validation?: number;
  /** What differs from the defaults of the models. */
  readonly train?: Partial<TrainSettings>;
}

export const tasks: Readonly<Record<TaskName, Task>> = {
  digits: { kind: "image", data: { set: "digits" } },
  fashion: { kind: "image", data: { set: "fashion" } },
  regression: {
    kind: "table",
    data: {
      set: "cars",
      target: "milesPerGallon",
      inputs: ["cylinders", "displacement", "horsepower", "weight", "acceleration", "year", "origin"],
      task: "regression",
    },
  },
  table: { kind: "table", data: { set: "penguins", target: "species", task: "classification" }, validation: 0.3 },
  text: { kind: "text", data: { set: "mobyDick" } },
  // 1986 to 1988 are held out. The first row is the first of January.
  series: { kind: "series", data: { set: "dailyBirths", column: "births", periods: [365.25] }, validation: 0.15 },
};

/** What was decided about a job: by its task, a configuration file, options. */
export interface Wishes {
  readonly task: string;
  readonly kind: KindName;
  readonly data: Source;
  readonly model?: { readonly name?: string | undefined } | undefined;
  readonly train?: { readonly [K in keyof TrainSettings]?: TrainSettings[K] | undefined } | undefined;
}

/** A job with defaults for all that was not decided. @throws for a model that the kind has not. */
export function completeJob(command: string, wishes: Wishes): Job {
  const { task, kind, data } = wishes;
  const { name, defaults } = modelOf(command, kind, wishes.model?.name);
  const model: ModelChoice = { ...defaults.sizes, ...defined(wishes.model ?? {}), name };
  const general = { seed: 1, validation: kinds[kind].validation, device: defaultDevice() } as const;
  return { task, kind, data, model, train: { ...general, ...defaults.train, ...defined(wishes.train ?? {}) } };
}

/** A model of a kind by its name; the first where there is none. */
export function modelOf(
  command: string,
  kind: KindName,
  name: string | undefined,
): { readonly name: string; readonly defaults: ModelDefaults } {
  const { models } = kinds[kind];
  const names = Object.keys(models);
  const found = name ?? (names[0] as string);
  if (Object.hasOwn(models, found)) return { name: found, defaults: models[found] as ModelDefaults };
  const known = names.join(", ");
  throw mistake(command, `no model "${found}" for this task`, didYouMean(found, names, `there are ${known}`));
}

/** Without the fields that are undefined. */
export function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], undefined> };
}
