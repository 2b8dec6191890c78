/** The digits that come with the page. */
import type { DigitSet } from "./digit-data.ts";
import { unpackDigits } from "./digit-file.ts";

/** @throws where the file cannot be fetched. */
export async function fetchDigits(): Promise<DigitSet> {
  const response = await fetch(new URL("digits.bin", document.baseURI));
  if (!response.ok) throw new Error(`digits.bin: ${response.status} ${response.statusText}`);
  return unpackDigits(new Uint8Array(await response.arrayBuffer()));
}
