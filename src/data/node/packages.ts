/** Finds files in installed packages. It downloads nothing and runs no code of them. Floor: data; Node only. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { TwopassError } from "../../base/errors.ts";

/** A file or folder of an npm package. */
export interface PackagePlace {
  readonly packageName: string;
  readonly path: string;
}

/**
 * The path of a file or folder that one of several packages has: of the first that is installed.
 *
 * @param op the function that the user called, for errors.
 * @param hint what else the user can do, after the command that installs the first package.
 * @throws where none of the packages is installed, with that command.
 */
export function findInPackages(op: string, places: readonly [PackagePlace, ...PackagePlace[]], hint?: string): string {
  const looked = new Set<string>();
  for (const { packageName, path } of places) {
    const folder = findPackage(packageName, looked);
    if (folder !== undefined) return join(folder, path);
  }
  const [{ packageName }] = places;
  throw new TwopassError({
    op,
    problem: `the npm package ${packageName} is not installed`,
    facts: `looked in ${[...looked].join(", ")}`,
    hint: `npm install ${packageName}${hint === undefined ? "" : `, ${hint}`}`,
  });
}

/**
 * The folder of a package, as Node would resolve it for the program, and then for this library: package managers differ
 * in the place. Folders that were searched in vain are added to `looked`.
 */
function findPackage(packageName: string, looked: Set<string>): string | undefined {
  for (const from of [join(process.cwd(), "program.js"), import.meta.url]) {
    const { resolve } = createRequire(from);
    try {
      return dirname(resolve(`${packageName}/package.json`));
    } catch {
      // Not installed, or the package does not export its package.json.
      for (const place of resolve.paths(packageName) ?? []) {
        const folder = join(place, packageName);
        if (existsSync(join(folder, "package.json"))) return folder;
        looked.add(place);
      }
    }
  }
  return undefined;
}
