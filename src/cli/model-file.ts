/**
 * Model files: the weights as safetensors, which PyTorch reads, and the specification as JSON in the metadata, from which
 * the model is made again. The same JSON is in the folder of a run's checkpoints. Floor: cli; Node only.
 */
import { constants } from "node:fs";
import { access, readdir, stat } from "node:fs/promises";
import { dirname, extname, relative, resolve } from "node:path";
import * as v from "valibot";
import { TwopassError } from "../base/errors.ts";
import { loadFile, openSafetensors, saveFile } from "../io/node.ts";
import { type Recipe, type Spec, kindNames, oneOf, trainEntries } from "./kinds/kind.ts";
import { mistake } from "./options.ts";
import { kinds } from "./tasks.ts";

const metadataKey = "twopass.model";
export const modelEnding = ".safetensors";

const specSchema = v.strictObject({
  version: v.literal(1),
  task: v.string(),
  kind: oneOf(kindNames),
  data: v.looseObject({ set: v.optional(v.string()), path: v.optional(v.string()) }),
  model: v.looseObject({ name: v.string() }),
  train: v.strictObject(trainEntries),
  fitted: v.looseObject({}),
});

/** The text of a specification for a file in a folder: paths begin there, so that both can be moved together. */
export function specText(spec: Spec, folder: string): string {
  const { path } = spec.data;
  const data = path === undefined ? spec.data : { ...spec.data, path: relative(resolve(folder), path) || "." };
  // Read as it will be read: a specification that came from a file gives the same text again.
  return JSON.stringify(v.parse(specSchema, { ...spec, data }));
}

/** The specification in a text; undefined where it is none. */
export function readSpec(text: string, folder: string): Spec | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { success, output } = v.safeParse(specSchema, json);
  if (!success) return undefined;
  const { path } = output.data;
  const data = path === undefined ? output.data : { ...output.data, path: resolve(folder, path) };
  return { ...output, data };
}

export async function saveModel(recipe: Recipe, file: string): Promise<void> {
  await saveFile(recipe.model.stateDict(), file, { metadata: { [metadataKey]: specText(recipe.spec, dirname(file)) } });
}

/** The model in a file, with its weights. @throws where it is not one that `twopass train` wrote. */
export async function loadModel(command: string, file: string): Promise<Recipe> {
  const reader = await openSafetensors(file);
  const text = reader.metadata[metadataKey];
  const shapes = reader.keys().map((name) => reader.info(name).shape);
  await reader.close();
  const spec = text === undefined ? undefined : readSpec(text, dirname(file));
  if (spec === undefined) {
    const problem = text === undefined ? "has no model of twopass train" : "has a damaged description of its model";
    throw mistake(command, `${JSON.stringify(file)} ${problem}`, "twopass train writes such files");
  }
  try {
    const elements = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const recipe = kinds[spec.kind].open(spec, elements);
    recipe.model.loadStateDict(await loadFile(file));
    recipe.model.eval();
    return recipe;
  } catch (cause) {
    if (!(cause instanceof TwopassError)) throw cause;
    throw mistake(command, `${JSON.stringify(file)} cannot be used`, cause.message, cause);
  }
}

/** The file that was named, or the only model file of the working folder. */
export async function findModel(command: string, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const names = (await readdir(".")).filter((name) => extname(name) === modelEnding).sort();
  if (names.length === 1) return names[0] as string;
  const problem = names.length === 0 ? "there is no model file here" : `which model? here are ${names.join(", ")}`;
  throw mistake(command, problem, "give it: --model FILE");
}

/** Throws unless a model can be written to a file. */
export async function checkOut(command: string, file: string): Promise<void> {
  const folder = dirname(resolve(file));
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true) throw mistake(command, `--out: there is no folder ${folder}`, "create it first");
  const target = await stat(file).catch(() => undefined);
  if (target?.isDirectory() === true) throw mistake(command, `--out: ${file} is a folder`, "give the name of a file");
  if (extname(file) !== modelEnding) {
    throw mistake(command, `--out: ${file} does not end in ${modelEnding}`, "that is the format of model files");
  }
  const denied = await access(folder, constants.W_OK).then(
    () => false,
    () => true,
  );
  if (denied) throw mistake(command, `--out: ${folder} cannot be written`, "choose another folder");
}
