/** Variables of the environment, where the host has one. Floor: base. */

interface Host {
  readonly process?: { readonly env?: Readonly<Record<string, string | undefined>> };
}

/** The variable of that name; undefined where it is not set or may not be read. */
export function environment(name: string): string | undefined {
  try {
    return (globalThis as Host).process?.env?.[name];
  } catch {
    // Some systems ask for permission to read the environment; not being allowed to is the same as not set.
    return undefined;
  }
}
